//! Reference cycles, which mean nothing, and structural cycles, which are errors (`cycle.go`).

use super::error::{Bottom, Code, R, combine};
use super::types::{Base, CloseInfo, Conjunct, CycleType, NO_VERTEX, Status, Value, VertexId};
use super::{Eval, RefNode};
use crate::expr::ArcType;

/// What to do with a reference.
pub(super) enum Step {
    Go(CloseInfo),
    /// It waits for evidence that it is no cycle.
    Skip,
    /// It is here already.
    Known,
}

impl<'p> Eval<'p> {
    /// Looks whether a reference from `v` to `arc` leads back to where it came from.
    pub(super) fn detect_cycle(
        &mut self,
        v: VertexId,
        arc: VertexId,
        conjunct: &Conjunct<'p>,
        reference: usize,
    ) -> Step {
        let close = conjunct.close;
        // What a `let` names is no part of the tree: it may name what it stands in.
        if self.is_beside_tree(v, arc) && self.has_ancestor(v, arc) && self.can_share(v, arc) {
            return Step::Go(close);
        }
        if self.has_ancestor(v, arc) {
            let node = &mut self.vertices[v].node;
            node.has_ancestor_cycle = true;
            let wait = !node.has_non_cycle;
            return self.mark_cyclic(v, arc, conjunct, wait);
        }
        let node = &self.vertices[v].node;
        let (non_cyclic, non_cycle, depth) = (node.has_non_cyclic, node.has_non_cycle, node.depth);
        if non_cyclic && close.cycle == CycleType::Maybe {
            return Step::Go(close);
        }
        let here = self.deref(v);
        let target = self.deref(arc);
        let mut at = close.refs;
        while let Some(r) = self.ref_node(at) {
            at = r.next;
            self.count(1);
            // What was shared since then stands for what its own reference leads to: that is a step, and no return.
            if self.deref_disjunct(r.arc) == target {
                if self.deref(r.node) == here {
                    return Step::Known;
                }
                if close.cycle == CycleType::Optional && non_cyclic {
                    if r.depth == depth {
                        return Step::Skip;
                    }
                    return Step::Go(CloseInfo { cycle: CycleType::Maybe, refs: 0, ..close });
                }
                if non_cycle && non_cyclic && r.depth != depth {
                    return Step::Go(close);
                }
                let wait = !non_cyclic && !non_cycle;
                return self.mark_cyclic(v, arc, conjunct, wait);
            }
            if self.deref(r.node) == here && r.reference == reference && self.vertices[arc].is_dynamic {
                let wait = !non_cyclic && !non_cycle;
                return self.mark_cyclic(v, arc, conjunct, wait);
            }
        }
        let refs = self.add_ref(RefNode { reference, arc: target, node: here, next: close.refs, depth });
        Step::Go(CloseInfo { refs, ..close })
    }

    fn mark_cyclic(&mut self, v: VertexId, arc: VertexId, conjunct: &Conjunct<'p>, wait: bool) -> Step {
        let close = CloseInfo { cycle: CycleType::Cyclic, cyclic: true, ..conjunct.close };
        let node = &mut self.vertices[v].node;
        node.has_any_cyclic = true;
        if wait {
            node.cyclic.push((Conjunct { close, ..conjunct.clone() }, Some(arc)));
            self.waiting_cycle = v;
            return Step::Skip;
        }
        Step::Go(close)
    }

    pub(super) fn mark_non_cyclic(&mut self, v: VertexId, close: CloseInfo) {
        if matches!(close.cycle, CycleType::None | CycleType::Optional) {
            self.vertices[v].node.has_non_cyclic = true;
        }
    }

    /// A vertex whose fields are being evaluated further up.
    pub(super) fn has_depth_cycle(&self, v: VertexId) -> bool {
        let vertex = &self.vertices[v];
        vertex.status != Status::Final && vertex.node.eval_depth > 0 && vertex.node.eval_depth < self.arc_depth
    }

    /// Whether `v` is within what a `let` names, or within a value made on the spot, and `arc` outside it.
    pub(super) fn is_beside_tree(&self, v: VertexId, arc: VertexId) -> bool {
        let target = self.deref(arc);
        let mut at = v;
        while at != NO_VERTEX {
            self.count(1);
            let parent = self.vertices[at].parent;
            let inline = parent == NO_VERTEX && self.vertices[at].is_dynamic && !self.vertices[target].arcs.is_empty();
            if self.vertices[at].is_let || inline {
                return true;
            }
            at = parent;
            if at != NO_VERTEX && self.deref(at) == target {
                return false;
            }
        }
        false
    }

    pub(super) fn has_ancestor(&self, v: VertexId, arc: VertexId) -> bool {
        if self.has_depth_cycle(arc) {
            return true;
        }
        let target = self.deref(arc);
        let mut at = self.vertices[v].parent;
        while at != NO_VERTEX {
            self.count(1);
            if self.deref(at) == target {
                return true;
            }
            at = self.vertices[at].parent;
        }
        false
    }

    /// New structure is evidence against a cycle: what waited for it goes on.
    pub(super) fn update_cyclic_status(&mut self, v: VertexId, close: CloseInfo) -> R<'p, ()> {
        let node = &mut self.vertices[v].node;
        node.has_field_value = true;
        if close.cyclic {
            return Ok(());
        }
        node.has_non_cycle = true;
        let Some(rare) = node.rare.get_mut() else { return Ok(()) };
        for (conjunct, arc) in std::mem::take(&mut rare.cyclic) {
            match arc {
                Some(arc) => self.schedule_vertex(v, &conjunct, arc, conjunct.close)?,
                None => self.schedule(v, &conjunct)?,
            }
        }
        Ok(())
    }

    /// What is selected from counts as new structure (`unifyNode` in `context.go`), but what waits already goes on waiting.
    pub(super) fn note_selected(&mut self, v: VertexId) {
        let w = self.deref(v);
        let counts = !self.close.cyclic || self.vertices[w].is_let;
        if counts && self.vertices[w].node.cyclic.is_empty() && !self.is_within_optional(self.at) {
            self.vertices[w].node.has_non_cycle = true;
        }
    }

    /// CUE looks into optional fields late, when a cycle may be found already.
    fn is_within_optional(&self, v: VertexId) -> bool {
        let mut at = v;
        while at != NO_VERTEX && self.vertices[at].arc == ArcType::Member {
            self.count(1);
            at = self.vertices[at].parent;
        }
        at != NO_VERTEX
    }

    pub(super) fn only_cyclic(&self, v: VertexId) -> bool {
        let node = &self.vertices[v].node;
        (node.has_ancestor_cycle && !node.has_non_cycle) || (node.has_any_cyclic && !node.has_non_cyclic)
    }

    pub(super) fn report_cycle(&mut self, v: VertexId) {
        let error = Bottom::new(Code::StructuralCycle, v, vec!["structural cycle".into()]);
        let vertex = &mut self.vertices[v];
        let known = match &vertex.base {
            Base::Value(Value::Bottom(bottom)) => Some(std::rc::Rc::clone(bottom)),
            _ => None,
        };
        if let Some(error) = combine(known, Some(error)) {
            vertex.base = Base::Value(Value::Bottom(error));
        }
        for arc in self.arcs_of(v) {
            self.vertices[arc].arc = ArcType::NotPresent;
        }
    }

    /// A lone reference: both vertices may be one.
    pub(super) fn share(&mut self, v: VertexId, conjunct: &Conjunct<'p>, arc: VertexId, close: CloseInfo) -> bool {
        if !self.can_share(v, arc) {
            return false;
        }
        let node = &mut self.vertices[v].node;
        node.shared = Some((arc, conjunct.clone()));
        node.shared_ids.push(close);
        self.vertices[v].base = Base::Link(arc);
        self.vertices[v].is_shared = true;
        true
    }

    /// Whether the reference was found to lead back to where it came from (`shareCycleType` in `share.go`).
    pub(super) fn is_shared_in_cycle(&self, v: VertexId) -> bool {
        self.vertices[v].node.shared_ids.iter().any(|close| close.cycle != CycleType::None)
    }

    fn can_share(&self, v: VertexId, arc: VertexId) -> bool {
        let vertex = &self.vertices[v];
        let other = &self.vertices[arc];
        let on_the_spot = vertex.parent == NO_VERTEX || vertex.is_dynamic;
        let impossible = !vertex.arcs.is_empty()
            || (on_the_spot && !(self.is_beside_tree(v, arc) && self.has_ancestor(v, arc)))
            || other.is_dynamic
            || other.parent == NO_VERTEX
            || vertex.node.no_sharing
            || vertex.node.shared.is_some()
            || (vertex.closed_recursive && !other.closed_recursive)
            || other.is_let;
        !impossible
    }

    /// More conjuncts come: the reference is a conjunct as any other.
    pub(super) fn unshare(&mut self, v: VertexId) -> R<'p, ()> {
        let node = &mut self.vertices[v].node;
        node.no_sharing = true;
        let Some(rare) = node.rare.get_mut() else { return Ok(()) };
        let Some((arc, conjunct)) = rare.shared.take() else { return Ok(()) };
        let ids = std::mem::take(&mut rare.shared_ids);
        self.vertices[v].base = Base::None;
        self.vertices[v].is_shared = false;
        for close in ids {
            self.schedule_vertex(v, &conjunct, arc, close)?;
        }
        Ok(())
    }
}
