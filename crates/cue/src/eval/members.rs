//! The fields of a vertex. Those that an object of the document gives it come to be when something asks for them: most of
//! a document is never asked for.

use super::Eval;
use super::doubt::Seen;
use super::few::Few;
use super::types::{CloseInfo, Conjunct, Elem, EnvId, NO_VERTEX, Vertex, VertexId};
use crate::expr::{ArcType, Decl, Expr, StructLit};
use crate::label::Label;
use crate::limits::{MAX_STEPS, MAX_VERTICES};

/// Members from which on all are made at once: where they are few, one is found by looking through them.
const MANY: usize = 64;

/// Fields that a policy mostly adds to those of an object, at most.
const FURTHER: usize = 4;

/// The fields of a vertex, in their order.
#[derive(Debug, Default)]
pub(crate) struct Arcs {
    /// [`NO_VERTEX`] where a member is not made.
    ids: Vec<VertexId>,
    /// The object whose members come first, by its number. 0 is none.
    object: u32,
}

/// An object of the document, in its place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Object<'p> {
    lit: &'p StructLit,
    env: EnvId,
    close: CloseInfo,
}

/// What looking through so many fields, or tasks, counts as.
pub(super) fn steps_of(things: usize) -> u64 {
    u64::try_from(things / 64).unwrap_or(u64::MAX)
}

impl Arcs {
    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// One of them; [`NO_VERTEX`] where it is not made.
    pub(super) fn get(&self, place: usize) -> Option<VertexId> {
        self.ids.get(place).copied()
    }

    /// Those that are made.
    pub(super) fn made(&self) -> impl Iterator<Item = VertexId> {
        self.ids.iter().copied().filter(|id| *id != NO_VERTEX)
    }

    /// How many are not made. All of them are regular fields that are there.
    pub(super) fn unmade(&self) -> usize {
        if self.object == 0 { 0 } else { self.ids.iter().filter(|id| **id == NO_VERTEX).count() }
    }

    /// The place of the first that is like this.
    pub(super) fn position(&self, like: impl Fn(VertexId) -> bool) -> Option<usize> {
        self.ids.iter().position(|id| *id != NO_VERTEX && like(*id))
    }

    pub(super) fn push(&mut self, arc: VertexId) {
        self.ids.push(arc);
    }

    pub(super) fn reserve(&mut self, more: usize) {
        self.ids.reserve(more);
    }
}

impl<'p> Eval<'p> {
    /// Leaves the members of an object to be made. False where that cannot wait.
    pub(super) fn postpone(&mut self, v: VertexId, env: EnvId, lit: &'p StructLit, close: CloseInfo) -> bool {
        let vertex = &self.vertices[v];
        let simple = vertex.arcs.is_empty() && vertex.patterns.is_empty() && vertex.seen <= Seen::Scalar;
        let missed = |decl: &Decl| matches!(decl, Decl::Field { label, .. } if self.missed.contains(&(v, *label)));
        let count = lit.decls.len();
        if !simple || count == 0 || count >= MANY || (!self.missed.is_empty() && lit.decls.iter().any(missed)) {
            return false;
        }
        self.objects.push(Object { lit, env, close });
        let Ok(object) = u32::try_from(self.objects.len()) else { return false };
        let arcs = &mut self.vertices[v].arcs;
        arcs.ids.reserve(count.saturating_add(FURTHER));
        arcs.ids.resize(count, NO_VERTEX);
        arcs.object = object;
        true
    }

    /// The object whose members may not be made.
    fn postponed(&self, v: VertexId) -> Option<Object<'p>> {
        let before = self.vertices[v].arcs.object.checked_sub(1)?;
        usize::try_from(before).ok().and_then(|n| self.objects.get(n)).copied()
    }

    /// Whether the members that are not made are those of this object.
    pub(super) fn is_postponed(&self, v: VertexId, lit: &StructLit) -> bool {
        self.postponed(v).is_some_and(|object| std::ptr::eq(object.lit, lit))
    }

    /// All fields of a vertex; what was left to be made is made.
    pub(super) fn arcs_of(&mut self, v: VertexId) -> Vec<VertexId> {
        self.make_members(v);
        self.vertices[v].arcs.ids.clone()
    }

    pub(super) fn make_members(&mut self, v: VertexId) {
        let Some(object) = self.postponed(v) else { return };
        for place in 0..object.lit.decls.len() {
            self.make_member(v, object, place);
        }
        self.vertices[v].arcs.object = 0;
        self.index_arcs(v);
    }

    /// The member of a name, made now if that has not happened.
    pub(super) fn member(&mut self, v: VertexId, label: Label) -> Option<VertexId> {
        let object = self.postponed(v)?;
        let named = |decl: &Decl| matches!(decl, Decl::Field { label: name, .. } if *name == label);
        let place = object.lit.decls.iter().position(named)?;
        self.make_member(v, object, place)
    }

    fn make_member(&mut self, v: VertexId, object: Object<'p>, place: usize) -> Option<VertexId> {
        let known = self.vertices[v].arcs.get(place)?;
        if known != NO_VERTEX {
            return Some(known);
        }
        let Some(Decl::Field { label, value, .. }) = object.lit.decls.get(place) else { return None };
        if self.vertices.items.len() >= MAX_VERTICES {
            // There is no verdict any more; the next count of steps says so.
            self.count(MAX_STEPS);
        }
        let arc = VertexId(u32::try_from(self.vertices.items.len()).unwrap_or(0));
        let vertex = &self.vertices[v];
        let conjunct = Conjunct { env: object.env, elem: Elem::Expr(value), close: object.close };
        let member = Vertex {
            parent: v,
            label: Some(*label),
            is_dynamic: vertex.is_dynamic,
            conjuncts: Few::One(conjunct),
            ..Vertex::default()
        };
        self.vertices.items.push(member);
        if let Some(slot) = self.vertices[v].arcs.ids.get_mut(place) {
            *slot = arc;
        }
        Some(arc)
    }

    /// The fields of a vertex as they are to be printed: a member that is not made by its name and value.
    pub(super) fn printed_arcs(&self, v: VertexId) -> impl Iterator<Item = Result<VertexId, (Label, &'p Expr)>> {
        let object = self.postponed(v);
        self.vertices[v].arcs.ids.iter().enumerate().filter_map(move |(place, arc)| {
            if *arc != NO_VERTEX {
                return Some(Ok(*arc));
            }
            match object?.lit.decls.get(place)? {
                Decl::Field { label, arc: ArcType::Member, value } => Some(Err((*label, value))),
                _ => None,
            }
        })
    }
}
