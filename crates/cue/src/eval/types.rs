//! What evaluation works on: vertices (nodes of the tree), their conjuncts, and values.

use std::ops::{Deref, DerefMut};
use std::rc::Rc;
use std::sync::Arc;

use super::closed::{ConjunctInfo, RefInfo, ReqSet};
use super::doubt::Seen;
use super::error::Bottom;
use super::few::Few;
use super::members::Arcs;
use super::tasks::Task;
use crate::builtins::Builtin;
use crate::expr::{ArcType, Core, Expr, ListLit, Op, StructLit};
use crate::kind::Kind;
use crate::label::Label;
use crate::number::Number;

/// A node of the tree. Number 0 is none.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct VertexId(pub(super) u32);

/// The scopes that a reference looks through. Number 0 is none.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct EnvId(pub(super) u32);

pub(crate) const NO_VERTEX: VertexId = VertexId(0);
pub(crate) const NO_ENV: EnvId = EnvId(0);

/// One scope: the struct (or list, or clause) that its names are looked up in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Env {
    pub(super) up: EnvId,
    pub(super) vertex: VertexId,
    /// What a pattern has matched.
    pub(super) label: Option<Label>,
}

/// A value. What is a struct or list is a vertex.
#[derive(Clone, Debug)]
pub(crate) enum Value<'p> {
    Null,
    Bool(bool),
    Number(Rc<Number>),
    String(Arc<str>),
    Bytes(Arc<[u8]>),
    Top,
    Basic(Kind),
    Bound(Rc<Bound<'p>>),
    Validator(Rc<Validator<'p>>),
    Function(Function),
    Conjunction(Rc<Vec<Value<'p>>>),
    Disjunction(Rc<Disjunction<'p>>),
    Bottom(Rc<Bottom<'p>>),
    Vertex(VertexId),
    Package(Arc<str>),
}

/// `>5`
#[derive(Clone, Debug)]
pub(crate) struct Bound<'p> {
    pub(super) op: Op,
    pub(super) value: Value<'p>,
}

/// `strings.MinRunes(5)`: a function that lacks its first argument.
#[derive(Clone, Debug)]
pub(crate) struct Validator<'p> {
    pub(super) function: Function,
    pub(super) args: Vec<Value<'p>>,
    /// It was written as a call.
    pub(super) called: bool,
}

/// The alternatives that are left. The first ones are the defaults.
#[derive(Clone, Debug)]
pub(crate) struct Disjunction<'p> {
    pub(super) values: Vec<Value<'p>>,
    pub(super) defaults: usize,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Function {
    Core(Core),
    Package(&'static Builtin),
}

impl Value<'_> {
    /// Whether it is a plain value: no constraint, type, alternative or error.
    pub(super) fn is_concrete(&self) -> bool {
        matches!(
            self,
            Self::Null
                | Self::Bool(_)
                | Self::Number(_)
                | Self::String(_)
                | Self::Bytes(_)
                | Self::Function(_)
                | Self::Vertex(_)
                | Self::Package(_)
        )
    }
}

/// What a conjunct says.
#[derive(Clone, Debug)]
pub(crate) enum Elem<'p> {
    Expr(&'p Expr),
    Struct(&'p StructLit),
    List(&'p ListLit),
    Value(Value<'p>),
    /// A disjunction made by `or`.
    Or(Rc<Vec<Value<'p>>>),
}

/// How a conjunct came to where it is: what closedness and cycles are judged by (`CloseInfo` in CUE).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CloseInfo {
    pub(super) from_def: bool,
    pub(super) from_embed: bool,
    /// Plain data of the document.
    pub(super) data: bool,
    pub(super) def: u32,
    pub(super) embed: u32,
    pub(super) outer: u32,
    pub(super) cycle: CycleType,
    pub(super) cyclic: bool,
    /// References on the way here; 0 is none.
    pub(super) refs: u32,
}

#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum CycleType {
    #[default]
    None,
    /// From an optional field, a pattern or a disjunction.
    Optional,
    Maybe,
    Cyclic,
}

#[derive(Clone, Debug)]
pub(crate) struct Conjunct<'p> {
    pub(super) env: EnvId,
    pub(super) elem: Elem<'p>,
    pub(super) close: CloseInfo,
}

/// How far a vertex is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Status {
    New,
    /// Conjuncts are in; tasks are under way.
    Evaluating,
    /// Its own value is known, and which fields there are.
    Known,
    /// Its fields are evaluated.
    Arcs,
    Final,
}

/// The value of a vertex itself.
#[derive(Clone, Debug)]
pub(crate) enum Base<'p> {
    None,
    Value(Value<'p>),
    Struct,
    List {
        open: bool,
    },
    /// Another vertex stands for it: shared structure, or the one alternative that is left.
    Link(VertexId),
}

/// A pattern constraint.
#[derive(Clone, Debug)]
pub(crate) struct Pattern<'p> {
    pub(super) pattern: Value<'p>,
    /// Taken up as a whole by each field that matches.
    pub(super) conjuncts: Rc<Vec<Conjunct<'p>>>,
}

#[derive(Debug)]
pub(crate) struct Vertex<'p> {
    pub(super) parent: VertexId,
    pub(super) label: Option<Label>,
    pub(super) arc: ArcType,
    pub(super) status: Status,
    pub(super) base: Base<'p>,
    pub(super) conjuncts: Few<Conjunct<'p>>,
    pub(super) arcs: Arcs,
    pub(super) patterns: Vec<Pattern<'p>>,
    pub(super) child_errors: Option<Rc<Bottom<'p>>>,
    pub(super) closed_recursive: bool,
    pub(super) closed_once: bool,
    pub(super) has_ellipsis: bool,
    /// Not in the tree: the value of an expression.
    pub(super) is_dynamic: bool,
    pub(super) is_disjunct: bool,
    pub(super) is_let: bool,
    pub(super) is_shared: bool,
    /// Its parent's typo checks do not apply.
    pub(super) detached_checks: bool,
    /// What expressions have used of it.
    pub(super) seen: Seen,
    pub(super) node: State<'p>,
}

/// An element of a message or of a type error: printed when the message is.
pub(crate) type Printable<'p> = Elem<'p>;

#[derive(Clone, Debug)]
pub(crate) struct Check<'p> {
    pub(super) value: Value<'p>,
}

#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum DefaultMode {
    #[default]
    Maybe,
    Is,
    Not,
}

/// Alternatives yet to be tried.
#[derive(Clone, Debug)]
pub(crate) struct Choice<'p> {
    pub(super) env: EnvId,
    pub(super) close: CloseInfo,
    pub(super) alternatives: Vec<(Elem<'p>, DefaultMode)>,
}

/// The state of unification at one vertex (`nodeContext` in CUE).
#[derive(Clone, Debug)]
pub(crate) struct Node<'p> {
    pub(super) tasks: Few<Task<'p>>,
    pub(super) running: u32,
    pub(super) kind: Kind,
    pub(super) kind_expr: Option<Printable<'p>>,
    pub(super) scalar: Option<Value<'p>>,
    pub(super) lower: Option<Rc<Bound<'p>>>,
    pub(super) upper: Option<Rc<Bound<'p>>>,
    pub(super) checks: Few<Check<'p>>,
    pub(super) errors: Option<Rc<Bottom<'p>>>,
    /// It refers to a required field that is missing.
    pub(super) lacks_required: bool,
    pub(super) has_top: bool,
    pub(super) has_struct: bool,
    pub(super) has_structs: bool,
    pub(super) has_open_validator: bool,
    pub(super) is_def: bool,
    /// What makes it a struct, and where that comes from.
    pub(super) a_struct: Option<(Printable<'p>, CloseInfo)>,
    pub(super) list_open: Option<bool>,
    pub(super) list_closed: bool,
    pub(super) list_len: usize,
    pub(super) has_disjunction: bool,
    /// Alternatives dropped out because they are not known.
    pub(super) unknown_alternative: bool,
    pub(super) default_mode: DefaultMode,
    pub(super) orig_default_mode: DefaultMode,
    pub(super) req_defs: Few<RefInfo>,
    pub(super) replace: Few<(u32, u32)>,
    pub(super) info: Few<ConjunctInfo>,
    pub(super) req_sets: Option<Rc<Vec<ReqSet>>>,
    pub(super) has_any_cyclic: bool,
    pub(super) has_ancestor_cycle: bool,
    pub(super) has_non_cycle: bool,
    pub(super) has_non_cyclic: bool,
    pub(super) has_field_value: bool,
    pub(super) depth: u32,
    pub(super) eval_depth: u32,
    pub(super) no_sharing: bool,
    /// It is to be finished, and not only looked at.
    pub(super) is_finalizing: bool,
    /// Validators find that something is missing.
    pub(super) is_unfulfilled: bool,
    pub(super) rare: Rare<'p>,
}

/// What few vertices need of it.
#[derive(Clone, Debug)]
pub(crate) struct RareNode<'p> {
    pub(super) list_node: Option<Printable<'p>>,
    pub(super) choices: Vec<Choice<'p>>,
    pub(super) disjuncts: Vec<VertexId>,
    pub(super) disjunct_errors: Vec<Rc<Bottom<'p>>>,
    pub(super) user_errors: Vec<Rc<Bottom<'p>>>,
    pub(super) notify: Vec<(VertexId, CloseInfo)>,
    pub(super) sources: Few<VertexId>,
    pub(super) cyclic: Vec<(Conjunct<'p>, Option<VertexId>)>,
    pub(super) shared: Option<(VertexId, Conjunct<'p>)>,
    pub(super) shared_ids: Vec<CloseInfo>,
}

/// A vertex that is not looked into needs no state: most of a document.
const UNTOUCHED: &Node<'static> = &NEW;

const NEW: Node<'static> = Node {
    tasks: Few::None,
    running: 0,
    kind: Kind::TOP,
    kind_expr: None,
    scalar: None,
    lower: None,
    upper: None,
    checks: Few::None,
    errors: None,
    is_finalizing: false,
    is_unfulfilled: false,
    has_top: false,
    has_struct: false,
    has_structs: false,
    has_open_validator: false,
    is_def: false,
    a_struct: None,
    list_open: None,
    list_closed: false,
    list_len: 0,
    has_disjunction: false,
    unknown_alternative: false,
    lacks_required: false,
    default_mode: DefaultMode::Maybe,
    orig_default_mode: DefaultMode::Maybe,
    req_defs: Few::None,
    replace: Few::None,
    info: Few::None,
    req_sets: None,
    has_any_cyclic: false,
    has_ancestor_cycle: false,
    has_non_cycle: false,
    has_non_cyclic: false,
    has_field_value: false,
    depth: 0,
    eval_depth: 0,
    no_sharing: false,
    rare: Rare(None),
};

const NOTHING_RARE: &RareNode<'static> = &NEW_RARE;

const NEW_RARE: RareNode<'static> = RareNode {
    list_node: None,
    choices: Vec::new(),
    disjuncts: Vec::new(),
    disjunct_errors: Vec::new(),
    user_errors: Vec::new(),
    notify: Vec::new(),
    sources: Few::None,
    cyclic: Vec::new(),
    shared: None,
    shared_ids: Vec::new(),
};

/// The state of a vertex, made when it is first written to.
#[derive(Clone, Debug, Default)]
pub(crate) struct State<'p>(Option<Box<Node<'p>>>);

impl<'p> Deref for State<'p> {
    type Target = Node<'p>;
    fn deref(&self) -> &Node<'p> {
        self.0.as_deref().unwrap_or(UNTOUCHED)
    }
}

impl<'p> DerefMut for State<'p> {
    fn deref_mut(&mut self) -> &mut Node<'p> {
        self.0.get_or_insert_with(|| Box::new(NEW))
    }
}

/// The rare part of a vertex's state, made when it is first written to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rare<'p>(Option<Box<RareNode<'p>>>);

impl<'p> Deref for Node<'p> {
    type Target = RareNode<'p>;
    fn deref(&self) -> &RareNode<'p> {
        self.rare.0.as_deref().unwrap_or(NOTHING_RARE)
    }
}

impl<'p> DerefMut for Node<'p> {
    fn deref_mut(&mut self) -> &mut RareNode<'p> {
        self.rare.0.get_or_insert_with(|| Box::new(NEW_RARE))
    }
}

impl<'p> Rare<'p> {
    /// What is there to be changed.
    pub(super) fn get_mut(&mut self) -> Option<&mut RareNode<'p>> {
        self.0.as_deref_mut()
    }
}

impl Default for Node<'_> {
    fn default() -> Self {
        NEW
    }
}

impl Default for Vertex<'_> {
    fn default() -> Self {
        Self {
            parent: NO_VERTEX,
            label: None,
            arc: ArcType::Member,
            status: Status::New,
            base: Base::None,
            conjuncts: Few::None,
            arcs: Arcs::default(),
            patterns: Vec::new(),
            child_errors: None,
            closed_recursive: false,
            closed_once: false,
            has_ellipsis: false,
            is_dynamic: false,
            is_disjunct: false,
            is_let: false,
            is_shared: false,
            detached_checks: false,
            seen: Seen::Nothing,
            node: State::default(),
        }
    }
}
