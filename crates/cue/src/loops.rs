//! Loops of references: read off the policy, without evaluation.
//!
//! Where a reference to an optional field is part of a loop, CUE finds a structural cycle or none, by what it looks at
//! first. A definition that contains itself is no such loop: nothing refers to its optional field by name.

use std::cell::Cell;
use std::collections::{HashMap, HashSet};

use crate::compile::Program;
use crate::expr::{ArcType, Clause, Comprehension, Decl, Element, Expr, ListLit, StructLit};
use crate::label::Label;

/// References followed from one to the next.
const MAX_FOLLOWED: usize = 8;

/// Fields looked at while references are followed. Beyond that, there may be a loop.
const MAX_WORK: usize = 1 << 20;

/// Whether a loop of references goes through an optional field that is referred to.
pub(crate) fn has_optional_loop(program: &Program) -> bool {
    let mut graph = Graph::default();
    for root in &program.roots {
        let at = graph.node(None, None);
        graph.struct_lit(root, at, None, None);
    }
    if !graph.has_optional {
        return false;
    }
    let optional = graph.resolve_all();
    if graph.work.get() > MAX_WORK {
        return true;
    }
    let groups = graph.groups();
    // Without structure in it, a loop means nothing.
    let structural: HashSet<usize> = graph
        .contained
        .iter()
        .filter(|(from, to)| groups.get(*from) == groups.get(*to))
        .filter_map(|(from, _)| groups.get(*from).copied())
        .collect();
    let looped = |(from, to): (usize, usize)| {
        groups.get(from).is_some_and(|group| groups.get(to) == Some(group) && structural.contains(group))
    };
    optional.into_iter().any(looped)
}

/// The number of a scope.
type ScopeId = Option<usize>;

/// The struct that a name is looked up in, and whose value it is.
struct Scope<'p> {
    lit: Option<&'p StructLit>,
    owner: usize,
    around: ScopeId,
}

struct Node<'p> {
    value: Option<&'p Expr>,
    scope: ScopeId,
    edges: Vec<usize>,
}

struct Reference<'p> {
    from: usize,
    expr: &'p Expr,
    scope: ScopeId,
}

#[derive(Default)]
struct Graph<'p> {
    nodes: Vec<Node<'p>>,
    scopes: Vec<Scope<'p>>,
    /// The values of a field of a struct, and whether one of them is not optional.
    fields: HashMap<(usize, Label), (Vec<usize>, bool)>,
    references: Vec<Reference<'p>>,
    has_optional: bool,
    /// Values within values.
    contained: Vec<(usize, usize)>,
    work: Cell<usize>,
}

impl<'p> Graph<'p> {
    fn node(&mut self, value: Option<&'p Expr>, scope: ScopeId) -> usize {
        self.nodes.push(Node { value, scope, edges: Vec::new() });
        self.nodes.len().saturating_sub(1)
    }

    fn scope(&mut self, lit: Option<&'p StructLit>, owner: usize, around: ScopeId) -> ScopeId {
        self.scopes.push(Scope { lit, owner, around });
        self.scopes.len().checked_sub(1)
    }

    fn scope_above(&self, scope: ScopeId, up: usize) -> Option<&Scope<'p>> {
        let mut scope = self.scopes.get(scope?);
        for _ in 0..up {
            scope = self.scopes.get(scope?.around?);
        }
        scope
    }

    fn edge(&mut self, from: usize, to: usize) {
        if let Some(node) = self.nodes.get_mut(from) {
            node.edges.push(to);
        }
    }

    fn within(&mut self, at: usize, value: &'p Expr, scope: ScopeId) -> usize {
        let node = self.node(Some(value), scope);
        self.edge(at, node);
        self.contained.push((at, node));
        self.expr(value, node, scope);
        node
    }

    /// `clauses`: what the fields are made by.
    fn struct_lit(&mut self, lit: &'p StructLit, at: usize, scope: ScopeId, clauses: Option<usize>) {
        let scope = self.scope(Some(lit), at, scope);
        for decl in &lit.decls {
            match decl {
                Decl::Field { label, arc, value } => {
                    let node = self.within(at, value, scope);
                    self.declare(lit, *label, node, *arc);
                    if let Some(clauses) = clauses {
                        self.edge(node, clauses);
                    }
                }
                Decl::Let { label, value, .. } => {
                    let node = self.node(Some(value), scope);
                    self.declare(lit, *label, node, ArcType::Member);
                    self.expr(value, node, scope);
                }
                Decl::Embed(value) => self.expr(value, at, scope),
                Decl::Pattern { filter: key, value } | Decl::Dynamic { key, value, .. } => {
                    self.expr(key, at, scope);
                    self.within(at, value, scope);
                }
                Decl::Comprehension(comprehension) => self.comprehension(comprehension, at, scope),
                Decl::Ellipsis => {}
            }
        }
    }

    fn declare(&mut self, lit: &StructLit, label: Label, node: usize, arc: ArcType) {
        let entry = self.fields.entry((std::ptr::from_ref(lit).addr(), label)).or_default();
        entry.0.push(node);
        entry.1 |= arc != ArcType::Optional;
        self.has_optional |= arc == ArcType::Optional;
    }

    fn comprehension(&mut self, comprehension: &'p Comprehension, at: usize, scope: ScopeId) {
        let node = self.node(None, scope);
        self.edge(at, node);
        let mut scope = scope;
        for clause in &comprehension.clauses {
            match clause {
                Clause::If(condition) => self.expr(condition, node, scope),
                Clause::For { source: value, .. } | Clause::Let { value, .. } => {
                    self.expr(value, node, scope);
                    scope = self.scope(None, node, scope);
                }
            }
        }
        self.struct_lit(&comprehension.value, at, scope, Some(node));
    }

    fn list(&mut self, lit: &'p ListLit, at: usize, scope: ScopeId) {
        let scope = self.scope(None, at, scope);
        for element in &lit.elements {
            match element {
                Element::Value(value) => self.expr(value, at, scope),
                Element::Comprehension(comprehension) => self.comprehension(comprehension, at, scope),
            }
        }
        if let Some(Some(rest)) = &lit.ellipsis {
            self.expr(rest, at, scope);
        }
    }

    fn expr(&mut self, expr: &'p Expr, at: usize, scope: ScopeId) {
        match expr {
            Expr::Field { .. } | Expr::Let { .. } | Expr::Value { .. } | Expr::Selector(..) | Expr::Index(..) => {
                self.references.push(Reference { from: at, expr, scope });
                self.parts(expr, at, scope);
            }
            Expr::Slice(subject, low, high) => {
                self.expr(subject, at, scope);
                low.iter().chain(high).for_each(|bound| self.expr(bound, at, scope));
            }
            Expr::Bound(_, value) | Expr::Unary(_, value) | Expr::Dynamic { label: value, .. } => {
                self.expr(value, at, scope);
            }
            Expr::Binary(_, left, right) | Expr::And(left, right) => {
                self.expr(left, at, scope);
                self.expr(right, at, scope);
            }
            Expr::Interpolation { parts, .. } => parts.iter().for_each(|part| self.expr(part, at, scope)),
            Expr::Or { values, .. } => values.iter().for_each(|(value, _)| self.expr(value, at, scope)),
            Expr::Call(function, arguments) => {
                self.expr(function, at, scope);
                arguments.iter().for_each(|argument| self.expr(argument, at, scope));
            }
            Expr::Struct(lit) => self.struct_lit(lit, at, scope, None),
            Expr::List(lit) => self.list(lit, at, scope),
            _ => {}
        }
    }

    /// What a path is made of beside names.
    fn parts(&mut self, path: &'p Expr, at: usize, scope: ScopeId) {
        match path {
            Expr::Selector(subject, _) => self.parts(subject, at, scope),
            Expr::Index(subject, index) => {
                self.parts(subject, at, scope);
                self.expr(index, at, scope);
            }
            Expr::Field { .. } | Expr::Let { .. } | Expr::Value { .. } => {}
            other => self.expr(other, at, scope),
        }
    }

    /// Follows all references; those to optional fields are returned.
    fn resolve_all(&mut self) -> Vec<(usize, usize)> {
        let mut optional = Vec::new();
        for reference in std::mem::take(&mut self.references) {
            for (to, is_optional) in self.resolve(reference.expr, reference.scope, 0) {
                self.edge(reference.from, to);
                if is_optional {
                    optional.push((reference.from, to));
                }
            }
        }
        optional
    }

    fn resolve(&self, expr: &'p Expr, scope: ScopeId, followed: usize) -> Vec<(usize, bool)> {
        match expr {
            Expr::Field { up, label } | Expr::Let { up, label } => {
                let Some(scope) = self.scope_above(scope, *up) else { return Vec::new() };
                let found = scope.lit.map(|lit| self.declared(lit, *label)).unwrap_or_default();
                if found.is_empty() { vec![(scope.owner, false)] } else { found }
            }
            Expr::Value { up, .. } => {
                let scope = self.scope_above(scope, up.saturating_sub(1));
                scope.map(|scope| (scope.owner, false)).into_iter().collect()
            }
            Expr::Selector(subject, label) => {
                let subjects = self.resolve(subject, scope, followed);
                subjects.into_iter().flat_map(|(node, _)| self.select(node, *label, followed)).collect()
            }
            Expr::Index(subject, _) => self.resolve(subject, scope, followed),
            _ => Vec::new(),
        }
    }

    fn declared(&self, lit: &StructLit, label: Label) -> Vec<(usize, bool)> {
        self.work.set(self.work.get().saturating_add(1));
        let Some((nodes, present)) = self.fields.get(&(std::ptr::from_ref(lit).addr(), label)) else {
            return Vec::new();
        };
        self.work.set(self.work.get().saturating_add(nodes.len()));
        nodes.iter().map(|node| (*node, !present)).collect()
    }

    /// A field of a value; the value itself where that cannot be told.
    fn select(&self, node: usize, label: Label, followed: usize) -> Vec<(usize, bool)> {
        let whole = vec![(node, false)];
        if self.work.get() > MAX_WORK {
            return whole;
        }
        let Some(Node { value: Some(value), scope, .. }) = self.nodes.get(node) else { return whole };
        let found: Vec<_> = structs(value).into_iter().flat_map(|lit| self.declared(lit, label)).collect();
        if !found.is_empty() || followed >= MAX_FOLLOWED {
            return if found.is_empty() { whole } else { found };
        }
        let next = followed.saturating_add(1);
        let targets = self.resolve(value, *scope, next);
        let found: Vec<_> = targets
            .into_iter()
            .filter(|(target, _)| *target != node)
            .flat_map(|(target, _)| self.select(target, label, next))
            .collect();
        if found.is_empty() { whole } else { found }
    }

    /// The group of each node: two are in the same one if each leads to the other.
    fn groups(&self) -> Vec<usize> {
        let forward: Vec<&[usize]> = self.nodes.iter().map(|node| node.edges.as_slice()).collect();
        let mut backward: Vec<Vec<usize>> = vec![Vec::new(); forward.len()];
        for (from, edges) in forward.iter().enumerate() {
            for to in *edges {
                if let Some(list) = backward.get_mut(*to) {
                    list.push(from);
                }
            }
        }
        let backward: Vec<&[usize]> = backward.iter().map(Vec::as_slice).collect();
        let mut order = Vec::with_capacity(forward.len());
        let mut seen = vec![0_usize; forward.len()];
        for start in 0..forward.len() {
            visit(&forward, start, 1, &mut seen, &mut order);
        }
        let mut groups = vec![0_usize; forward.len()];
        let mut group = 0_usize;
        for start in order.into_iter().rev() {
            group = group.saturating_add(1);
            visit(&backward, start, group, &mut groups, &mut Vec::new());
        }
        groups
    }
}

/// Marks what can be reached and is not marked yet, and notes it when all behind it is.
fn visit(edges: &[&[usize]], start: usize, mark: usize, marks: &mut [usize], done: &mut Vec<usize>) {
    let mut stack = vec![(start, 0_usize)];
    if marks.get(start).is_none_or(|known| *known != 0) {
        return;
    }
    if let Some(slot) = marks.get_mut(start) {
        *slot = mark;
    }
    while let Some((node, next)) = stack.pop() {
        let Some(to) = edges.get(node).and_then(|list| list.get(next)).copied() else {
            done.push(node);
            continue;
        };
        stack.push((node, next.saturating_add(1)));
        if let Some(slot) = marks.get_mut(to)
            && *slot == 0
        {
            *slot = mark;
            stack.push((to, 0));
        }
    }
}

/// The struct literals that a value is made of.
fn structs(value: &Expr) -> Vec<&StructLit> {
    match value {
        Expr::Struct(lit) => {
            let decls = if lit.has_embedding { lit.decls.as_slice() } else { &[] };
            let embedded = decls.iter().flat_map(|decl| match decl {
                Decl::Embed(value) => structs(value),
                _ => Vec::new(),
            });
            std::iter::once(lit).chain(embedded).collect()
        }
        Expr::And(left, right) => [structs(left), structs(right)].concat(),
        Expr::Or { values, .. } => values.iter().flat_map(|(value, _)| structs(value)).collect(),
        _ => Vec::new(),
    }
}
