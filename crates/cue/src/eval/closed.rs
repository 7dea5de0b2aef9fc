//! Which fields a closed struct admits (`typocheck.go` in CUE).
//!
//! Every reference to a definition, every embedding and every struct with embeddings gets a number. Conjuncts carry the
//! number of where they come from; each field must, for each closed struct, have a conjunct that comes from it.

use std::rc::Rc;

use super::Eval;
use super::doubt::Weight;
use super::error::{Bottom, Code, R, combine};
use super::types::{Base, CloseInfo, NO_VERTEX, Status, Value, VertexId};
use crate::expr::ArcType;
use crate::kind::Kind;
use crate::limits::MAX_STEPS;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum DefKind {
    Embedding,
    Reference,
    Struct,
}

/// A numbered struct.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RefInfo {
    vertex: VertexId,
    id: u32,
    parent: u32,
    embed: u32,
    ignore: bool,
    kind: DefKind,
    is_recursive: bool,
}

/// What is known of the conjuncts with one number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConjunctInfo {
    id: u32,
    embed: u32,
    kind: Kind,
    flags: Flags,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Flags {
    pub(super) ellipsis: bool,
    pub(super) top: bool,
    pub(super) structure: bool,
    pub(super) open_validator: bool,
}

/// A struct that fields are checked against.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReqSet {
    id: u32,
    parent: u32,
    embed: u32,
    kind: DefKind,
    /// It closes one level only.
    once: bool,
    ignored: bool,
    removed: bool,
}

pub(super) const NO_FLAGS: Flags = Flags { ellipsis: false, top: false, structure: false, open_validator: false };

impl<'p> Eval<'p> {
    fn next_def(&mut self) -> u32 {
        self.containments.push(0);
        u32::try_from(self.containments.len().saturating_sub(1)).unwrap_or(u32::MAX)
    }

    fn container(&self, id: u32) -> u32 {
        usize::try_from(id).ok().and_then(|n| self.containments.get(n)).copied().unwrap_or(0)
    }

    pub(super) fn add_replacement(&mut self, v: VertexId, from: u32, to: u32) {
        if from == to {
            return;
        }
        if from < to && self.container(to) == 0 {
            if let Some(slot) = usize::try_from(to).ok().and_then(|n| self.containments.get_mut(n)) {
                *slot = from;
            }
            return;
        }
        let node = &mut self.vertices[v].node;
        node.req_sets = None;
        if !node.replace.contains(&(from, to)) {
            node.replace.push((from, to));
        }
    }

    pub(super) fn update_info(&mut self, v: VertexId, kind: Kind, close: CloseInfo, flags: Flags) {
        let infos = &mut self.vertices[v].node.info;
        if let Some(info) = infos.iter_mut().find(|i| i.id == close.def) {
            info.kind = info.kind & kind;
            info.flags.ellipsis |= flags.ellipsis;
            info.flags.top |= flags.top;
            info.flags.structure |= flags.structure;
            info.flags.open_validator |= flags.open_validator;
            return;
        }
        infos.push(ConjunctInfo { id: close.def, embed: close.embed, kind, flags });
    }

    /// Numbers what a reference leads to.
    pub(super) fn add_resolver(
        &mut self,
        v: VertexId,
        arc: VertexId,
        close: CloseInfo,
        force_ignore: bool,
    ) -> CloseInfo {
        let (arc_recursive, arc_once) = (self.vertices[arc].closed_recursive, self.vertices[arc].closed_once);
        if close.from_def && close.from_embed && !force_ignore {
            // A closed struct that is embedded closes the struct around it.
            let mut outer = close.outer;
            for known in self.vertices[v].node.req_defs.iter_mut().rev() {
                if known.id == outer && outer != 0 {
                    known.ignore = false;
                    known.is_recursive |= arc_recursive;
                    outer = known.parent;
                }
            }
        }
        let ignore = if force_ignore {
            true
        } else if close.embed != 0 || close.outer == 0 {
            !(close.from_def || arc_once || arc_recursive)
        } else {
            close.from_embed
        };
        let mut dst = 0;
        if let Some(known) = self.vertices[v].node.req_defs.iter_mut().find(|r| r.vertex == arc) {
            dst = known.id;
            if known.ignore && !ignore {
                known.ignore = false;
                known.parent = close.outer;
                known.embed = close.embed;
            }
        }
        if dst == 0 || close.embed != 0 {
            let next = self.next_def();
            if dst != 0 {
                self.add_replacement(v, next, dst);
            }
            dst = next;
            self.vertices[v].node.req_defs.push(RefInfo {
                vertex: arc,
                id: dst,
                parent: close.outer,
                embed: close.embed,
                ignore,
                kind: DefKind::Reference,
                is_recursive: arc_recursive,
            });
        }
        self.vertices[v].node.req_sets = None;
        self.add_replacement(v, close.def, dst);
        CloseInfo { def: dst, ..close }
    }

    fn new_requirement(&mut self, v: VertexId, close: CloseInfo, kind: DefKind) -> CloseInfo {
        let dst = self.next_def();
        self.add_replacement(v, close.def, dst);
        let parent = close.def;
        let mut close = CloseInfo { def: dst, ..close };
        if kind == DefKind::Embedding {
            close.embed = dst;
        } else {
            close.outer = dst;
        }
        self.vertices[v].node.req_sets = None;
        self.vertices[v].node.req_defs.push(RefInfo {
            vertex: NO_VERTEX,
            id: dst,
            parent,
            embed: close.embed,
            ignore: true,
            kind,
            is_recursive: close.from_def,
        });
        close
    }

    /// The number of an embedding. `tracked`: it may lead to a closed struct.
    pub(super) fn inject_embedding(&mut self, v: VertexId, close: CloseInfo, tracked: bool) -> CloseInfo {
        let close = CloseInfo { from_embed: true, ..close };
        if tracked { self.new_requirement(v, close, DefKind::Embedding) } else { close }
    }

    /// The number of a struct that has embeddings.
    pub(super) fn split_struct(&mut self, v: VertexId, close: CloseInfo, is_file: bool) -> CloseInfo {
        if close.outer != 0 || close.from_embed || is_file {
            return close;
        }
        self.new_requirement(v, close, DefKind::Struct)
    }

    /// What a field takes over from its struct.
    pub(super) fn sub_field(close: CloseInfo) -> CloseInfo {
        CloseInfo { from_embed: false, ..close }
    }

    /// The number of a value that `Unify` joins with another.
    pub(super) fn split_scope(&mut self, v: VertexId, close: CloseInfo) -> CloseInfo {
        self.new_requirement(v, close, DefKind::Struct)
    }

    /// Checks the fields of a vertex against all closed structs that it is unified with.
    pub(super) fn check_typos(&mut self, noderef: VertexId) -> R<'p, ()> {
        let v = self.deref(noderef);
        if self.vertices[v].arcs.is_empty() {
            return Ok(());
        }
        // One error is enough; but that a value is incomplete does not allow its fields.
        if let Base::Value(Value::Bottom(bottom)) = &self.vertices[v].base
            && !bottom.close_check
            && !bottom.is_incomplete()
        {
            return self.check_typos_within(noderef, v);
        }
        if self.is_open_by_parent(noderef) {
            return Ok(());
        }
        let required = self.req_sets(noderef, 0);
        // Most of a document: nothing around it is closed.
        if required.iter().all(|set| set.ignored) {
            return Ok(());
        }
        let arcs = self.arcs_of(v);
        let own = self.vertices[noderef].node.info.clone();
        let mut found: Option<Rc<Bottom<'p>>> = None;
        for arc in arcs {
            let Some(label) = self.vertices[arc].label else { continue };
            let field = self.deref_disjunct(arc);
            if !self.names.is_regular(label) {
                continue;
            }
            let failed = match &self.vertices[field].base {
                Base::Value(Value::Bottom(bottom)) => !bottom.close_check,
                _ => false,
            };
            let mut sets: Vec<ReqSet> = required.as_ref().clone();
            for set in &mut sets {
                if self.parent_ellipsis(noderef, set, &own) != 0 {
                    set.removed = true;
                }
            }
            let mut info = self.field_info(field);
            if failed {
                // What a reference without a value would have said is not in it.
                info.extend(self.written_info(field));
            }
            if self.evidence_for_all(noderef, field, &sets, &info) {
                continue;
            }
            if self.vertices[arc].arc == ArcType::Pending || self.vertices[arc].arc == ArcType::NotPresent {
                continue;
            }
            if failed {
                // CUE takes the one error or the other.
                self.doubt_unknown_typo(arc);
                continue;
            }
            let is_data = matches!(&*self.vertices[v].conjuncts, [only] if only.close.data);
            if label.as_index().is_some() && !self.vertices[v].node.has_structs && !is_data {
                self.doubt(Weight::Always, arc, "an element of a list is not allowed");
                continue;
            }
            let error = self.not_allowed(field);
            if self.vertices[arc].arc <= ArcType::Required {
                found = combine(found, Some(error));
            }
        }
        if let Some(error) = found {
            if matches!(&self.vertices[v].base, Base::Value(Value::Bottom(bottom)) if bottom.is_incomplete()) {
                self.vertices[v].base = Base::Struct;
            }
            self.add_child_error(v, &error);
        }
        Ok(())
    }

    /// The fields of a struct with an error, as that a required field can have no value, are not checked themselves. What
    /// is within them has been: here that is left out for what nothing but the document says.
    fn check_typos_within(&mut self, noderef: VertexId, v: VertexId) -> R<'p, ()> {
        if self.req_sets(noderef, 0).iter().all(|set| set.ignored) {
            return Ok(());
        }
        for arc in self.arcs_of(v) {
            if self.is_plain_data(arc) {
                self.finalize(arc)?;
                if let Base::Value(Value::Bottom(error)) = self.vertices[arc].base.clone() {
                    self.add_child_error(v, &error);
                }
            }
        }
        Ok(())
    }

    /// Whether a vertex adds nothing to what its fields are checked against, and that is ignored already.
    fn is_open_by_parent(&mut self, v: VertexId) -> bool {
        let vertex = &self.vertices[v];
        if vertex.node.req_sets.is_some() || !vertex.node.req_defs.is_empty() {
            return false;
        }
        let parent = vertex.parent;
        let detached = parent == NO_VERTEX || vertex.detached_checks;
        detached || self.req_sets(parent, 1).iter().all(|set| set.ignored)
    }

    /// The conjuncts of a field, also of one that was not looked into.
    fn field_info(&self, field: VertexId) -> Vec<ConjunctInfo> {
        let vertex = &self.vertices[field];
        if vertex.status != Status::New { vertex.node.info.to_vec() } else { self.written_info(field) }
    }

    fn written_info(&self, field: VertexId) -> Vec<ConjunctInfo> {
        let info = |c: &super::types::Conjunct<'p>| ConjunctInfo {
            id: c.close.def,
            embed: c.close.embed,
            kind: Kind::TOP,
            flags: NO_FLAGS,
        };
        self.vertices[field].conjuncts.iter().map(info).collect()
    }

    fn not_allowed(&mut self, field: VertexId) -> Rc<Bottom<'p>> {
        let mut error = Bottom::new(Code::Eval, field, vec!["field not allowed".into()]);
        if let Some(bottom) = Rc::get_mut(&mut error) {
            bottom.close_check = true;
        }
        let vertex = &mut self.vertices[field];
        vertex.base = Base::Value(Value::Bottom(Rc::clone(&error)));
        vertex.node.kind = Kind::BOTTOM;
        vertex.status = Status::Final;
        error
    }

    fn evidence_for_all(&self, v: VertexId, field: VertexId, sets: &[ReqSet], info: &[ConjunctInfo]) -> bool {
        sets.iter().all(|set| set.ignored || set.removed || self.evidence_for(v, field, sets, *set, info))
    }

    fn evidence_for(&self, v: VertexId, field: VertexId, all: &[ReqSet], set: ReqSet, info: &[ConjunctInfo]) -> bool {
        let _ = v;
        if info.iter().any(|c| self.contains_def(field, set.id, c.id)) {
            return true;
        }
        let lookup = |id: u32| all.iter().find(|s| id != 0 && s.id == id);
        let Some(embed) = lookup(set.embed) else { return false };
        let outer = lookup(set.parent);
        info.iter().any(|c| {
            if self.contains_def(field, embed.id, c.embed) {
                return false;
            }
            let Some(outer) = outer else { return true };
            set.parent == 0 || outer.removed || self.contains_def(field, outer.id, c.id)
        })
    }

    /// Whether the number `child` belongs to `node`, by containment or by the replacements here and above.
    fn contains_def(&self, v: VertexId, node: u32, child: u32) -> bool {
        if child == node || child == 0 {
            return child == node;
        }
        self.contains_through(&self.redirects(v), node, child)
    }

    /// The replacements at a vertex and above.
    fn redirects(&self, v: VertexId) -> Vec<(u32, u32)> {
        let mut redirects = Vec::new();
        let mut at = v;
        while at != NO_VERTEX {
            self.count(1);
            redirects.extend_from_slice(&self.vertices[at].node.replace);
            at = self.vertices[at].parent;
        }
        redirects
    }

    fn contains_through(&self, redirects: &[(u32, u32)], node: u32, child: u32) -> bool {
        if child == node || child == 0 {
            return child == node;
        }
        let mut budget = 10_000_u32;
        self.contains_rec(redirects, node, child, child, &mut budget, 0)
    }

    fn contains_rec(
        &self,
        redirects: &[(u32, u32)],
        node: u32,
        child: u32,
        start: u32,
        budget: &mut u32,
        depth: u32,
    ) -> bool {
        let mut p = child;
        while p != 0 {
            if p == node {
                return true;
            }
            *budget = budget.saturating_sub(1);
            self.count(1);
            if *budget == 0 || depth > 64 {
                // "Not contained" is a guess: there must be no verdict.
                self.count(MAX_STEPS);
                return false;
            }
            for (from, to) in redirects {
                if *to == p && *from != child && self.contains_rec(redirects, node, *from, start, budget, depth + 1) {
                    return true;
                }
            }
            p = self.container(p);
            if p == start {
                return false;
            }
        }
        child == node
    }

    /// The number of an ellipsis among conjuncts that `set` contains.
    fn parent_ellipsis(&self, v: VertexId, set: &ReqSet, info: &[ConjunctInfo]) -> u32 {
        info.iter().find(|c| c.flags.ellipsis && self.contains_def(v, set.id, c.id)).map_or(0, |c| c.id)
    }

    /// The closed structs that the fields of `v` are checked against.
    fn req_sets(&mut self, v: VertexId, depth: usize) -> Rc<Vec<ReqSet>> {
        if let Some(sets) = &self.vertices[v].node.req_sets {
            return Rc::clone(sets);
        }
        let parent = self.vertices[v].parent;
        let mut sets: Vec<ReqSet> = Vec::new();
        if parent != NO_VERTEX && !self.vertices[v].detached_checks && depth < 1_000 {
            sets.extend(self.req_sets(parent, depth.saturating_add(1)).iter().copied());
            for set in &mut sets {
                set.ignored |= set.once;
            }
        }
        let inherited = sets.len();
        for known in self.vertices[v].node.req_defs.iter().copied() {
            if (known.ignore && known.kind == DefKind::Reference) || sets.iter().any(|s| s.id == known.id) {
                continue;
            }
            let closed_once = known.vertex != NO_VERTEX && self.vertices[known.vertex].closed_once;
            let once = known.kind != DefKind::Embedding && (closed_once || (!known.ignore && !known.is_recursive));
            sets.push(ReqSet {
                id: known.id,
                parent: known.parent,
                embed: known.embed,
                kind: known.kind,
                once,
                ignored: known.ignore,
                removed: false,
            });
            if known.parent != 0 && !known.ignore {
                let mut outer = known.parent;
                for set in sets.iter_mut().take(inherited).rev() {
                    if outer != 0 && set.id == outer {
                        set.once = if set.ignored { !known.is_recursive } else { set.once && !known.is_recursive };
                        set.ignored = false;
                        outer = set.parent;
                    }
                }
            }
        }
        let info = &self.vertices[v].node.info;
        let regular = self.vertices[v].label.is_none_or(|label| self.names.is_regular(label));
        if !regular {
            sets.retain(|set| info.iter().any(|c| self.contains_def(v, set.id, c.id)));
        }
        let parent_info: &[ConjunctInfo] = if parent == NO_VERTEX { &[] } else { &self.vertices[parent].node.info };
        self.filter_top(v, &mut sets, info, parent_info);
        let sets = Rc::new(sets);
        self.vertices[v].node.req_sets = Some(Rc::clone(&sets));
        sets
    }

    /// Drops sets that `_`, `...` or an open validator makes moot.
    fn filter_top(&self, v: VertexId, sets: &mut Vec<ReqSet>, info: &[ConjunctInfo], parent_info: &[ConjunctInfo]) {
        let redirects = self.redirects(v);
        sets.retain_mut(|set| {
            let mut flags = NO_FLAGS;
            let mut any = false;
            for c in info.iter().filter(|c| self.contains_through(&redirects, set.id, c.id)) {
                any = true;
                flags.top |= c.flags.top;
                flags.open_validator |= c.flags.open_validator;
                flags.structure |= c.flags.structure && c.id >= set.id;
            }
            if (flags.top && !flags.structure) || flags.open_validator {
                return false;
            }
            if any && set.kind != DefKind::Struct {
                return true;
            }
            let ellipsis = self.parent_ellipsis(v, set, parent_info);
            if ellipsis != 0 {
                let moot =
                    !any || (set.kind == DefKind::Struct && !info.iter().any(|c| self.contains_def(v, ellipsis, c.id)));
                set.removed |= moot;
            }
            true
        });
    }
}
