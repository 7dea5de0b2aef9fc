//! The evaluator: unification of conjuncts at the vertices of a tree, as CUE v0.15.4 does it
//! (`internal/core/adt`, evaluator version 3).
//!
//! A vertex collects conjuncts. Literals take effect at once; references, expressions, comprehensions and patterns are
//! tasks, tried again until nothing changes any more, then forced. Alternatives are tried one after the other on copies
//! of the vertex. At last the fields are evaluated, validators are applied, and closed structs are checked.

mod arcs;
mod call;
mod closed;
mod comprehension;
mod cycle;
mod describe;
mod disjunction;
mod doubt;
mod early;
mod equal;
pub(crate) mod error;
mod expression;
mod few;
mod finish;
mod host;
mod members;
mod messages;
mod odd;
mod operator;
mod order;
mod print;
mod reference;
mod regexp;
mod schedule;
mod shape;
mod simplify;
mod strict;
mod tasks;
pub(crate) mod types;
mod validate;
pub(crate) mod value;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::{Index, IndexMut};
use std::rc::Rc;

use error::{R, Stop};
use few::Few;
use types::{Base, CloseInfo, Conjunct, Elem, Env, EnvId, NO_ENV, NO_VERTEX, Value, Vertex, VertexId};

use crate::expr::{Decl, Expr};
use crate::label::{Interner, Label};
use crate::limits::{MAX_EVALUATION_DEPTH, MAX_STEPS, MAX_VERTICES};

pub(crate) use doubt::Weight;
pub(crate) use shape::Shape;
pub(crate) use validate::Validation;

/// A list that is addressed by typed numbers. What is out of range is the first element, which means "none".
#[derive(Debug)]
pub(crate) struct Vertices<'p> {
    items: Vec<Vertex<'p>>,
    none: Box<Vertex<'p>>,
}

impl<'p> Index<VertexId> for Vertices<'p> {
    type Output = Vertex<'p>;
    fn index(&self, id: VertexId) -> &Vertex<'p> {
        usize::try_from(id.0).ok().and_then(|n| self.items.get(n)).unwrap_or(&self.none)
    }
}

impl<'p> IndexMut<VertexId> for Vertices<'p> {
    fn index_mut(&mut self, id: VertexId) -> &mut Vertex<'p> {
        usize::try_from(id.0).ok().and_then(|n| self.items.get_mut(n)).unwrap_or(&mut self.none)
    }
}

/// References that led to a conjunct.
#[derive(Clone, Copy, Debug)]
pub(super) struct RefNode {
    reference: usize,
    arc: VertexId,
    node: VertexId,
    next: u32,
    depth: u32,
}

/// An evaluation.
pub(crate) struct Eval<'p> {
    pub(super) names: Interner<'p>,
    pub(super) vertices: Vertices<'p>,
    envs: Vec<Env>,
    refs: Vec<RefNode>,
    /// Objects of the document whose members are not all made. The first has number 1.
    objects: Vec<members::Object<'p>>,
    /// For each typo-checked struct: the one that contains it.
    containments: Vec<u32>,
    lets: HashMap<(EnvId, Label), VertexId>,
    regexps: HashMap<Rc<str>, Rc<crate::builtins::re2::Pattern>>,
    schemas: Vec<Value<'p>>,
    /// The error of a reference to a required field, which all the same gives its conjuncts.
    required: Option<Rc<error::Bottom<'p>>>,
    /// What is put in comes from a required field that is missing.
    required_pending: bool,
    /// The clauses are evaluated of what may add any field.
    open_comprehension: bool,
    /// The clauses are evaluated of what has comprehensions within.
    nested_comprehension: bool,
    /// The comprehension whose clauses are looked at.
    making: Option<early::Making>,
    /// The errors of the constraints that `matchN` has tried, if too few of them hold.
    unmatched: Option<Rc<error::Bottom<'p>>>,
    /// The expression that is to be a list or a struct, by its place.
    taken_whole: Option<usize>,
    /// What such clauses have used before its validators were applied.
    read_early: Vec<VertexId>,
    /// The definition, or hidden field, whose comprehension runs.
    clauses_within: VertexId,
    /// What the comprehension that runs has read, and may add to.
    own_read: VertexId,
    /// It is asked whether a value is there that is worked out for the question.
    asks_inline: bool,
    /// An alternative is tried.
    in_alternative: bool,
    /// The expression of which is asked whether it has a value, by its place.
    question: Option<usize>,
    /// Fields whose name is the value of a field beside them.
    named_by_sibling: HashSet<VertexId>,
    /// Structs, and fields of theirs that they take in.
    own_embeddings: Vec<(VertexId, VertexId)>,
    /// A task of the policy itself runs: its fields have no value yet.
    root_task: bool,
    /// What the last reference in an expression has led to.
    referred: VertexId,
    /// What `let` clauses of comprehensions name.
    lets_of_clauses: Vec<VertexId>,
    /// Structs within expressions that take something in.
    inlines: Vec<VertexId>,
    /// Values outside of the tree that were ranged over.
    ranged: Vec<VertexId>,
    /// Fields that comprehensions have not made, where, and with which fields in them.
    unmade: Vec<(VertexId, Label, &'p [Decl])>,
    /// What has no value, and a part of it was asked for.
    parts_asked: HashSet<VertexId>,
    /// What has conditions, and a part of it was used.
    conditional_subjects: BTreeMap<VertexId, Weight>,
    /// Conjunctions within expressions.
    conjunctions: Vec<VertexId>,
    /// Something was compared with `_|_`.
    has_asked: bool,
    /// What `let` clauses name.
    named_by_lets: Vec<VertexId>,
    /// Something was used within itself, by another name.
    own_alias: bool,
    /// A `let` clause was used where it matters how far what it names is.
    early_let: bool,
    /// The clauses of a comprehension are looked at.
    in_clause: bool,
    /// The arguments of a function are looked at.
    in_call: bool,
    /// Where comprehensions have added patterns.
    patterned: Vec<VertexId>,
    /// Parts of values within expressions that were used before they were done.
    early_parts: Vec<VertexId>,
    /// Fields that were missed in what was under way.
    missed_in_making: Vec<(VertexId, Label)>,
    /// Optional fields with comprehensions.
    optionals: Vec<VertexId>,
    /// How many comprehensions have their clauses looked at.
    clauses_running: u32,
    /// What has an expression from which something is selected.
    selected_inline: VertexId,
    /// A field of a definition that is itself.
    itself: VertexId,
    /// Structs with embeddings that comprehensions have made.
    made_structs: Vec<VertexId>,
    /// Where a reference waited for evidence that it is no cycle.
    waiting_cycle: VertexId,
    /// A value that was used to make itself.
    cycle_at: VertexId,
    /// How often something under way was used.
    met_unfinished: u64,
    /// An argument of a function has parts that functions do not see.
    lossy: bool,
    /// What a function takes is to be known again in what it returns.
    keeps_origins: bool,
    /// The vertex that is looked at: errors are told there.
    at: VertexId,
    /// Where the task that runs comes from.
    close: CloseInfo,
    /// Nothing goes on any more: what is not known now stays unknown.
    force: bool,
    steps: std::cell::Cell<u64>,
    depth: usize,
    /// How many vertices deep the evaluation of fields is.
    arc_depth: u32,
    /// Fields of a vertex by label, where there are many.
    index: HashMap<(VertexId, Label), VertexId>,
    /// How deep printing is.
    printing: std::cell::Cell<usize>,
    /// How many values are printed in one text.
    printed: std::cell::Cell<usize>,
    /// Why nothing can be accepted any more.
    doubt: Option<doubt::Doubt>,
    /// Fields that were looked for when nothing else could come.
    missed: HashSet<(VertexId, Label)>,
}

impl<'p> Eval<'p> {
    pub(crate) fn new(names: Interner<'p>) -> Self {
        let none = Vertex { status: types::Status::Final, ..Vertex::default() };
        Self {
            names,
            vertices: Vertices { items: vec![none], none: Box::default() },
            envs: vec![Env { up: NO_ENV, vertex: NO_VERTEX, label: None }],
            refs: vec![RefNode { reference: 0, arc: NO_VERTEX, node: NO_VERTEX, next: 0, depth: 0 }],
            objects: Vec::new(),
            containments: vec![0],
            lets: HashMap::new(),
            regexps: HashMap::new(),
            schemas: Vec::new(),
            required: None,
            required_pending: false,
            open_comprehension: false,
            nested_comprehension: false,
            making: None,
            taken_whole: None,
            unmatched: None,
            read_early: Vec::new(),
            clauses_within: NO_VERTEX,
            own_read: NO_VERTEX,
            asks_inline: false,
            in_alternative: false,
            question: None,
            named_by_sibling: HashSet::new(),
            own_embeddings: Vec::new(),
            root_task: false,
            referred: NO_VERTEX,
            lets_of_clauses: Vec::new(),
            inlines: Vec::new(),
            ranged: Vec::new(),
            unmade: Vec::new(),
            parts_asked: HashSet::new(),
            conditional_subjects: BTreeMap::new(),
            conjunctions: Vec::new(),
            has_asked: false,
            named_by_lets: Vec::new(),
            own_alias: false,
            early_let: false,
            in_clause: false,
            in_call: false,
            patterned: Vec::new(),
            early_parts: Vec::new(),
            missed_in_making: Vec::new(),
            optionals: Vec::new(),
            clauses_running: 0,
            selected_inline: NO_VERTEX,
            itself: NO_VERTEX,
            made_structs: Vec::new(),
            waiting_cycle: NO_VERTEX,
            cycle_at: NO_VERTEX,
            met_unfinished: 0,
            lossy: false,
            keeps_origins: false,
            at: NO_VERTEX,
            close: CloseInfo::default(),
            force: false,
            steps: std::cell::Cell::new(0),
            depth: 0,
            arc_depth: 0,
            index: HashMap::new(),
            printing: std::cell::Cell::new(0),
            printed: std::cell::Cell::new(0),
            doubt: None,
            missed: HashSet::new(),
        }
    }

    /// The vertex of a file or a document.
    pub(crate) fn root(&mut self, expr: Elem<'p>, data: bool) -> R<'p, VertexId> {
        let close = CloseInfo { data, ..CloseInfo::default() };
        let conjunct = Conjunct { env: NO_ENV, elem: expr, close };
        self.add_vertex(Vertex { conjuncts: Few::One(conjunct), ..Vertex::default() })
    }

    /// `Unify` of vertices.
    pub(crate) fn unified(&mut self, parts: &[VertexId]) -> R<'p, VertexId> {
        let v = self.add_vertex(Vertex::default())?;
        self.add_parts(v, parts.iter().map(|part| Value::Vertex(*part)));
        Ok(v)
    }

    /// Adds values as conjuncts that do not open each other: each has a scope that what it embeds may close.
    pub(super) fn add_parts(&mut self, v: VertexId, parts: impl Iterator<Item = Value<'p>>) {
        for part in parts {
            let close = match part {
                Value::Vertex(_) => self.split_scope(v, CloseInfo::default()),
                _ => CloseInfo::default(),
            };
            self.vertices[v].conjuncts.push(Conjunct { env: NO_ENV, elem: Elem::Value(part), close });
        }
    }

    fn add_vertex(&mut self, vertex: Vertex<'p>) -> R<'p, VertexId> {
        if self.vertices.items.len() >= MAX_VERTICES {
            return Err(Stop::Unsupported(format!("more than {MAX_VERTICES} values")));
        }
        let id = VertexId(u32::try_from(self.vertices.items.len()).unwrap_or(0));
        self.vertices.items.push(vertex);
        Ok(id)
    }

    fn add_env(&mut self, up: EnvId, vertex: VertexId, label: Option<Label>) -> EnvId {
        let id = EnvId(u32::try_from(self.envs.len()).unwrap_or(0));
        self.envs.push(Env { up, vertex, label });
        id
    }

    fn env(&self, id: EnvId) -> Env {
        let none = Env { up: NO_ENV, vertex: NO_VERTEX, label: None };
        usize::try_from(id.0).ok().and_then(|n| self.envs.get(n)).copied().unwrap_or(none)
    }

    fn env_up(&self, id: EnvId, up: usize) -> EnvId {
        let mut id = id;
        self.count(u64::try_from(up).unwrap_or(u64::MAX) / 32);
        for _ in 0..up {
            id = self.env(id).up;
        }
        id
    }

    fn ref_node(&self, id: u32) -> Option<RefNode> {
        if id == 0 { None } else { usize::try_from(id).ok().and_then(|n| self.refs.get(n)).copied() }
    }

    fn add_ref(&mut self, node: RefNode) -> u32 {
        let id = u32::try_from(self.refs.len()).unwrap_or(0);
        self.refs.push(node);
        id
    }

    /// Counts work.
    pub(super) fn spend(&mut self, steps: u64) -> R<'p, ()> {
        self.count(steps);
        if self.steps.get() > MAX_STEPS {
            return Err(Stop::Unsupported(format!("evaluation takes more than {MAX_STEPS} steps")));
        }
        Ok(())
    }

    /// Counts work where there is no way to stop; the next [`Self::spend`] does.
    pub(super) fn count(&self, steps: u64) {
        self.steps.set(self.steps.get().saturating_add(steps));
    }

    /// Runs one level deeper.
    pub(super) fn nested<T>(&mut self, run: impl FnOnce(&mut Self) -> R<'p, T>) -> R<'p, T> {
        if self.depth >= MAX_EVALUATION_DEPTH {
            return Err(Stop::Unsupported(format!("values nest deeper than {MAX_EVALUATION_DEPTH} levels")));
        }
        self.depth = self.depth.saturating_add(1);
        let result = run(self);
        self.depth = self.depth.saturating_sub(1);
        result
    }

    /// Runs with errors told at `v`.
    pub(super) fn located<T>(&mut self, v: VertexId, run: impl FnOnce(&mut Self) -> R<'p, T>) -> R<'p, T> {
        let saved = std::mem::replace(&mut self.at, v);
        let result = run(self);
        self.at = saved;
        result
    }

    /// A vertex for the value of an expression.
    pub(super) fn inline(&mut self, conjuncts: impl IntoIterator<Item = Conjunct<'p>>) -> R<'p, VertexId> {
        // The parent gives messages their path; nothing is inherited from it.
        self.add_vertex(Vertex {
            conjuncts: conjuncts.into_iter().collect(),
            is_dynamic: true,
            detached_checks: true,
            parent: NO_VERTEX,
            ..Vertex::default()
        })
    }

    /// The vertex that stands for `v`.
    pub(super) fn deref(&self, v: VertexId) -> VertexId {
        let mut v = v;
        // Links never form a circle: each points to what was there before.
        for _ in 0..1_000 {
            match self.vertices[v].base {
                Base::Link(target) => v = target,
                _ => break,
            }
        }
        v
    }

    /// The same, through shared structure, but not into alternatives.
    pub(super) fn deref_shared(&self, v: VertexId) -> VertexId {
        let mut v = v;
        for _ in 0..1_000 {
            match self.vertices[v].base {
                Base::Link(target) if !self.vertices[target].is_disjunct => v = target,
                _ => break,
            }
        }
        v
    }

    /// The same, through alternatives only.
    pub(super) fn deref_disjunct(&self, v: VertexId) -> VertexId {
        let mut v = v;
        for _ in 0..1_000 {
            match self.vertices[v].base {
                Base::Link(target) if self.vertices[target].is_disjunct => v = target,
                _ => break,
            }
        }
        v
    }
}

/// An expression by its place: the same reference is the same expression.
fn address(expr: &Expr) -> usize {
    std::ptr::from_ref(expr).addr()
}
