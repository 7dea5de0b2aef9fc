//! Alternatives: each is unified with a copy of the vertex, and what fails drops out (`disjunct2.go`, `overlay.go`).

use std::collections::HashMap;
use std::hash::Hash;
use std::rc::Rc;

use super::Eval;
use super::doubt::Weight;
use super::error::{Bottom, Code, Message, R, Stop, combine};
use super::tasks::State;
use super::types::{
    Base, Choice, Conjunct, DefaultMode, Disjunction, Elem, EnvId, NO_ENV, NO_VERTEX, Status, Value, Vertex, VertexId,
};
use crate::expr::ArcType;
use crate::limits::MAX_DISJUNCTS;

/// Which vertices of a copy stand for which.
#[derive(Default)]
struct Overlay {
    vertices: Mapping<VertexId>,
    envs: Mapping<EnvId>,
}

/// What stands for what: mostly so little that it is found by looking through it.
struct Mapping<T> {
    few: Vec<(T, T)>,
    many: HashMap<T, T>,
}

impl<T> Default for Mapping<T> {
    fn default() -> Self {
        Self { few: Vec::new(), many: HashMap::new() }
    }
}

impl<T: Copy + Eq + Hash> Mapping<T> {
    const FEW: usize = 12;

    fn get(&self, from: T) -> Option<T> {
        if self.many.is_empty() {
            return self.few.iter().find(|(known, _)| *known == from).map(|(_, to)| *to);
        }
        self.many.get(&from).copied()
    }

    fn insert(&mut self, from: T, to: T) {
        if !self.many.is_empty() {
            self.many.insert(from, to);
        } else if let Some((_, known)) = self.few.iter_mut().find(|(known, _)| *known == from) {
            *known = to;
        } else if self.few.len() < Self::FEW {
            self.few.push((from, to));
        } else {
            self.many.extend(self.few.drain(..));
            self.many.insert(from, to);
        }
    }
}

impl<'p> Eval<'p> {
    /// Tries all alternatives of a vertex. `last`: none are left above, so the copies are evaluated to their end.
    pub(super) fn expand(&mut self, v: VertexId, last: bool) -> R<'p, ()> {
        let choices = std::mem::take(&mut self.vertices[v].node.choices);
        let count = choices.len();
        let mut cross = vec![v];
        for (n, choice) in choices.iter().enumerate() {
            let is_last = last && n.saturating_add(1) == count;
            cross = self.cross_product(v, &cross, choice, is_last)?;
            if cross.is_empty() {
                return Ok(());
            }
        }
        match cross.as_slice() {
            [only] if count > 0 => {
                let mode = self.vertices[*only].node.default_mode;
                self.vertices[v].base = Base::Link(*only);
                let node = &mut self.vertices[v].node;
                if node.default_mode == DefaultMode::Maybe {
                    node.default_mode = mode;
                }
            }
            _ if count > 0 => self.vertices[v].node.disjuncts = cross,
            _ => {}
        }
        Ok(())
    }

    fn cross_product(
        &mut self,
        v: VertexId,
        cross: &[VertexId],
        choice: &Choice<'p>,
        last: bool,
    ) -> R<'p, Vec<VertexId>> {
        let mut results: Vec<VertexId> = Vec::new();
        let mut errors: Vec<Rc<Bottom<'p>>> = Vec::new();
        let (mut left_drops, mut right_drops) = (true, true);
        for p in cross {
            let hopeful = self.hopeful(*p, choice);
            for (n, (elem, mode)) in choice.alternatives.iter().enumerate() {
                self.spend(1)?;
                if hopeful.as_ref().is_some_and(|hopeful| !hopeful.contains(&n)) {
                    continue;
                }
                let left = (self.vertices[*p].node.default_mode, self.vertices[*p].node.orig_default_mode);
                match self.alternative(v, *p, choice, elem, *mode, last)? {
                    Err(error) if error.code == Code::User => self.vertices[v].node.user_errors.push(error),
                    Err(error) => {
                        let inline = self.vertices[v].is_dynamic && !self.vertices[v].is_let;
                        if error.code == Code::Cycle || (inline && error.is_incomplete()) {
                            self.doubt(Weight::Always, v, "an alternative depends on what is not known");
                        }
                        self.vertices[v].node.unknown_alternative |= error.is_incomplete();
                        errors.push(error);
                    }
                    Ok(result) => {
                        results.push(result);
                        left_drops &= left.0 != DefaultMode::Is && left.1 != DefaultMode::Is;
                        right_drops &= *mode != DefaultMode::Is;
                    }
                }
                if results.len() > MAX_DISJUNCTS {
                    return Err(Stop::Unsupported(format!("more than {MAX_DISJUNCTS} alternatives")));
                }
            }
        }
        if results.is_empty() {
            let code = errors.iter().map(|e| e.code).max().unwrap_or(Code::Eval);
            if code.is_incomplete() && errors.iter().any(|e| !e.is_incomplete()) {
                self.doubt(Weight::Always, v, "some alternatives fail, others are not known");
            }
            self.vertices[v].node.disjunct_errors.extend(errors);
            let error = self.empty_disjunction(v, code);
            self.add_error(v, error);
            return Ok(Vec::new());
        }
        self.unroll(results, left_drops, right_drops)
    }

    /// Which of several literals a known scalar is. Nothing where that does not decide.
    fn hopeful(&self, p: VertexId, choice: &Choice<'p>) -> Option<Vec<usize>> {
        let scalar = self.vertices[p].node.scalar.as_ref()?;
        let mut found = Vec::new();
        for (n, (elem, _)) in choice.alternatives.iter().enumerate() {
            let Elem::Expr(expr) = elem else { return None };
            let value = super::value::literal(expr).filter(Value::is_concrete)?;
            if self.scalar_equal(scalar, &value) && self.kind_of(scalar) == self.kind_of(&value) {
                found.push(n);
            }
        }
        if found.is_empty() { None } else { Some(found) }
    }

    /// A plain value that is one of several literals, and has nothing else to be tried for, is that one: no copy need be
    /// made to find out. False where it is not as simple.
    pub(super) fn choose_literal(&mut self, v: VertexId) -> R<'p, bool> {
        let [choice] = self.vertices[v].node.choices.as_slice() else { return Ok(false) };
        if choice.alternatives.iter().any(|(_, mode)| *mode != DefaultMode::Maybe) || !self.is_bare_scalar(v) {
            return Ok(false);
        }
        let hopeful = self.hopeful(v, choice).unwrap_or_default();
        let [only] = hopeful.as_slice() else { return Ok(false) };
        let Some((elem, _)) = choice.alternatives.get(*only).cloned() else { return Ok(false) };
        let count = choice.alternatives.len();
        let conjunct = Conjunct { env: choice.env, elem, close: choice.close };
        self.spend(u64::try_from(count).unwrap_or(u64::MAX))?;
        self.vertices[v].node.choices.clear();
        self.schedule(v, &conjunct)?;
        Ok(true)
    }

    /// Whether a vertex is a plain value of its kind, and nothing else is known of it.
    fn is_bare_scalar(&self, v: VertexId) -> bool {
        let vertex = &self.vertices[v];
        let node = &vertex.node;
        let unconstrained = node.checks.is_empty() && node.lower.is_none() && node.upper.is_none();
        let composite = node.has_structs || node.a_struct.is_some() || node.list_open.is_some() || node.is_def;
        let cyclic = node.has_any_cyclic || node.has_ancestor_cycle || !node.cyclic.is_empty();
        let odd = vertex.is_disjunct || node.errors.is_some() || node.shared.is_some() || node.lacks_required;
        node.scalar.as_ref().is_some_and(|scalar| self.kind_of(scalar) == node.kind)
            && matches!(vertex.base, Base::None)
            && vertex.arcs.is_empty()
            && vertex.patterns.is_empty()
            && node.tasks.iter().all(|task| task.state == State::Done)
            && unconstrained
            && !(composite || cyclic || odd)
    }

    /// Alternatives within alternatives come to one level; the same value counts once.
    fn unroll(&mut self, results: Vec<VertexId>, left_drops: bool, right_drops: bool) -> R<'p, Vec<VertexId>> {
        let mut out: Vec<VertexId> = Vec::new();
        let mut definite = false;
        for r in results {
            let node = &self.vertices[r].node;
            let (mode, orig, nested) = (node.default_mode, node.orig_default_mode, node.disjuncts.clone());
            if nested.is_empty() {
                self.vertices[r].node.default_mode = combine_dropped(mode, orig, left_drops, right_drops);
                self.append_alternative(&mut out, r)?;
                continue;
            }
            for x in nested {
                let inner = orig.max(self.vertices[x].node.default_mode);
                let combined = combine_dropped(mode, inner, left_drops, false);
                self.vertices[x].node.default_mode = combined;
                definite |= combined != DefaultMode::Maybe;
                self.append_alternative(&mut out, x)?;
            }
        }
        if definite {
            for r in &out {
                let node = &mut self.vertices[*r].node;
                if node.default_mode == DefaultMode::Maybe {
                    node.default_mode = DefaultMode::Not;
                }
            }
        }
        Ok(out)
    }

    fn append_alternative(&mut self, out: &mut Vec<VertexId>, x: VertexId) -> R<'p, ()> {
        for known in out.iter().copied() {
            if known == x {
                return Ok(());
            }
            if self.same_alternative(known, x)? {
                let modes = [known, x].map(|v| self.vertices[v].node.default_mode);
                let plain = self.vertices[self.deref(x)].node.scalar.is_some();
                let inline = self.vertices[x].is_dynamic;
                if modes.first() != modes.last() && !plain && inline {
                    self.doubt(Weight::Always, x, "a default is the same as another alternative");
                }
                if self.vertices[x].node.default_mode == DefaultMode::Is {
                    self.vertices[known].node.default_mode = DefaultMode::Is;
                }
                return Ok(());
            }
            self.doubt_similar_alternative(known, x)?;
        }
        out.push(x);
        if out.len() > MAX_DISJUNCTS {
            return Err(Stop::Unsupported(format!("more than {MAX_DISJUNCTS} alternatives")));
        }
        Ok(())
    }

    fn same_alternative(&mut self, a: VertexId, b: VertexId) -> R<'p, bool> {
        let finished = |e: &Self, v: VertexId| e.vertices[e.deref(v)].status == Status::Final;
        if finished(self, a) && finished(self, b) {
            return self.equal_structure(&Value::Vertex(a), &Value::Vertex(b));
        }
        // Halfway, only plain values without anything pending can be told to be the same.
        let plain = |v: &Vertex<'p>| {
            let node = &v.node;
            let idle = node.tasks.iter().all(|t| t.state == State::Done) && node.choices.is_empty();
            let bare = v.arcs.is_empty() && node.checks.is_empty() && node.lower.is_none() && node.upper.is_none();
            node.scalar.clone().filter(|_| idle && bare)
        };
        match (plain(&self.vertices[a]), plain(&self.vertices[b])) {
            (Some(a), Some(b)) => Ok(self.scalar_equal(&a, &b) && self.kind_of(&a) == self.kind_of(&b)),
            _ => Ok(false),
        }
    }

    /// One alternative, unified with a copy of `p`.
    fn alternative(
        &mut self,
        v: VertexId,
        p: VertexId,
        choice: &Choice<'p>,
        elem: &Elem<'p>,
        mode: DefaultMode,
        last: bool,
    ) -> R<'p, Result<VertexId, Rc<Bottom<'p>>>> {
        let mut overlay = Overlay::default();
        let copy = self.copy(v, p, &mut overlay)?;
        let saved = (self.vertices[v].base.clone(), self.vertices[p].base.clone());
        // What refers to the vertex from outside sees the alternative that is tried.
        self.vertices[v].base = Base::Link(copy);
        if p != v {
            self.vertices[p].base = Base::Link(copy);
        }
        let env = self.overlaid(choice.env, &mut overlay);
        self.vertices[copy].node.orig_default_mode = mode;
        let conjunct = Conjunct { env, elem: elem.clone(), close: choice.close };
        let outer = std::mem::replace(&mut self.in_alternative, true);
        let result = self.try_alternative(copy, &conjunct, last);
        self.in_alternative = outer;
        if p != v {
            self.vertices[p].base = saved.1;
        }
        self.vertices[v].base = saved.0;
        result?;
        if let Some(error) = self.any_error(copy, 0) {
            return Ok(Err(error));
        }
        let found = self.deref_disjunct(copy);
        if found != copy {
            self.vertices[found].node.orig_default_mode = mode;
        }
        Ok(Ok(found))
    }

    fn try_alternative(&mut self, copy: VertexId, conjunct: &Conjunct<'p>, last: bool) -> R<'p, ()> {
        self.nested(|e| {
            e.located(copy, |e| e.schedule(copy, conjunct))?;
            if last {
                return e.finalize(copy);
            }
            e.run_tasks(copy)?;
            if !e.vertices[copy].node.choices.is_empty() {
                e.busy(copy, |e| e.expand(copy, false))?;
            }
            e.attempt_fields(copy)
        })
    }

    /// Looks into fields for what fails at once.
    fn attempt_fields(&mut self, v: VertexId) -> R<'p, ()> {
        if self.vertices[v].node.errors.is_some() {
            return Ok(());
        }
        self.nested(|e| {
            for arc in e.arcs_of(v) {
                if e.vertices[arc].arc > ArcType::Required || e.vertices[arc].is_let {
                    continue;
                }
                e.init(arc)?;
                e.run_tasks(arc)?;
                if e.vertices[arc].status == Status::Evaluating {
                    e.attempt_fields(arc)?;
                }
            }
            Ok(())
        })
    }

    fn any_error(&self, v: VertexId, depth: usize) -> Option<Rc<Bottom<'p>>> {
        let w = self.deref_disjunct(v);
        let vertex = &self.vertices[w];
        if let Base::Value(Value::Bottom(bottom)) = &vertex.base {
            return Some(Rc::clone(bottom));
        }
        let found = vertex.child_errors.clone().or_else(|| vertex.node.errors.clone());
        if found.is_some() || depth > 100 {
            return found;
        }
        vertex.arcs.made().find_map(|arc| {
            let field = &self.vertices[arc];
            if field.arc > ArcType::Required || field.is_let || field.status == Status::New {
                return None;
            }
            self.any_error(arc, depth.saturating_add(1))
        })
    }

    /// A copy of `p`, which is `v` or a copy of it: fields are taken over as conjuncts, to be evaluated again.
    fn copy(&mut self, v: VertexId, p: VertexId, overlay: &mut Overlay) -> R<'p, VertexId> {
        let original = &self.vertices[p];
        let copy = Vertex {
            parent: original.parent,
            label: original.label,
            arc: original.arc,
            status: Status::Evaluating,
            closed_recursive: original.closed_recursive,
            closed_once: original.closed_once,
            has_ellipsis: original.has_ellipsis,
            is_dynamic: original.is_dynamic,
            is_let: original.is_let,
            detached_checks: original.detached_checks,
            is_disjunct: true,
            node: original.node.clone(),
            ..Vertex::default()
        };
        let fields = self.arcs_of(p);
        let original = &self.vertices[p];
        let size = fields.len().saturating_add(original.node.tasks.len()).saturating_mul(8).saturating_add(32);
        self.spend(u64::try_from(size).unwrap_or(u64::MAX))?;
        let copy = self.add_vertex(copy)?;
        overlay.vertices.insert(p, copy);
        overlay.vertices.insert(v, copy);
        let mut copies = Vec::with_capacity(fields.len());
        for field in fields {
            let original = &self.vertices[field];
            let (label, replace, conjuncts) =
                (original.label, original.node.replace.clone(), original.conjuncts.to_vec());
            let vertex = Vertex {
                parent: copy,
                label,
                arc: original.arc,
                is_dynamic: original.is_dynamic,
                is_let: original.is_let,
                ..Vertex::default()
            };
            let Some(label) = label else { continue };
            let id = self.add_vertex(vertex)?;
            self.vertices[id].node.replace = replace;
            self.push_arc(copy, label, id);
            overlay.vertices.insert(field, id);
            if p != v
                && let Some(first) = self.find_arc(v, label)
            {
                overlay.vertices.insert(first, id);
            }
            copies.push((id, conjuncts));
        }
        for (id, conjuncts) in copies {
            let conjuncts =
                conjuncts.into_iter().map(|c| Conjunct { env: self.overlaid(c.env, overlay), ..c }).collect();
            self.vertices[id].conjuncts = conjuncts;
        }
        self.overlay_node(p, copy, overlay);
        Ok(copy)
    }

    fn overlay_node(&mut self, p: VertexId, copy: VertexId, overlay: &mut Overlay) {
        let conjuncts = self.vertices[p].conjuncts.to_vec();
        let conjuncts = conjuncts.into_iter().map(|c| Conjunct { env: self.overlaid(c.env, overlay), ..c }).collect();
        self.vertices[copy].conjuncts = conjuncts;
        let mut patterns = self.vertices[p].patterns.clone();
        for conjunct in patterns.iter_mut().flat_map(|p| Rc::make_mut(&mut p.conjuncts).iter_mut()) {
            conjunct.env = self.overlaid(conjunct.env, overlay);
        }
        self.vertices[copy].patterns = patterns;
        let mut node = std::mem::take(&mut self.vertices[copy].node);
        for task in &mut node.tasks {
            task.env = self.overlaid(task.env, overlay);
            if task.state == State::Running {
                task.state = State::Ready;
            }
        }
        if let Some(rare) = node.rare.get_mut() {
            for choice in &mut rare.choices {
                choice.env = self.overlaid(choice.env, overlay);
            }
            for (conjunct, _) in &mut rare.cyclic {
                conjunct.env = self.overlaid(conjunct.env, overlay);
            }
            rare.disjuncts.clear();
            rare.disjunct_errors.clear();
            rare.user_errors.clear();
            rare.notify.clear();
        }
        node.running = 0;
        node.has_disjunction = false;
        node.req_sets = None;
        self.vertices[copy].node = node;
    }

    fn overlaid(&mut self, id: EnvId, overlay: &mut Overlay) -> EnvId {
        if id == NO_ENV {
            return id;
        }
        if let Some(known) = overlay.envs.get(id) {
            return known;
        }
        if !self.is_within(id, overlay) {
            return id;
        }
        // From the outermost scope inwards.
        let mut chain = Vec::new();
        let mut at = id;
        while at != NO_ENV && overlay.envs.get(at).is_none() {
            chain.push(at);
            at = self.env(at).up;
        }
        for id in chain.into_iter().rev() {
            let env = self.env(id);
            let up = overlay.envs.get(env.up).unwrap_or(env.up);
            let vertex = overlay.vertices.get(env.vertex).unwrap_or(env.vertex);
            let same = up == env.up && vertex == env.vertex;
            let mapped = if same { id } else { self.add_env(up, vertex, env.label) };
            overlay.envs.insert(id, mapped);
        }
        overlay.envs.get(id).unwrap_or(id)
    }

    /// Whether a scope, or one around it, is of what was copied.
    fn is_within(&self, id: EnvId, overlay: &Overlay) -> bool {
        let mut at = id;
        while at != NO_ENV {
            let env = self.env(at);
            if overlay.vertices.get(env.vertex).is_some() {
                return true;
            }
            at = env.up;
        }
        false
    }

    /// The value of a vertex with several alternatives left, the defaults first.
    pub(super) fn finish_disjunction(&mut self, v: VertexId) {
        let disjuncts = self.vertices[v].node.disjuncts.clone();
        let mut values: Vec<Value<'p>> = Vec::with_capacity(disjuncts.len());
        let mut defaults = 0_usize;
        for d in disjuncts {
            let is_default = self.vertices[d].node.default_mode == DefaultMode::Is;
            // They are values now: what they were made of includes all alternatives.
            self.vertices[d].conjuncts.clear();
            values.push(Value::Vertex(d));
            if is_default {
                let last = values.len().saturating_sub(1);
                values.swap(defaults, last);
                defaults = defaults.saturating_add(1);
            }
        }
        let vertex = &mut self.vertices[v];
        vertex.base = Base::Value(Value::Disjunction(Rc::new(Disjunction { values, defaults })));
        vertex.child_errors = None;
        for arc in self.arcs_of(v) {
            self.vertices[arc].arc = ArcType::NotPresent;
        }
    }

    fn empty_disjunction(&self, v: VertexId, code: Code) -> Rc<Bottom<'p>> {
        let node = &self.vertices[v].node;
        let from = if node.user_errors.is_empty() { &node.disjunct_errors } else { &node.user_errors };
        let mut relevant: Vec<&Rc<Bottom<'p>>> = from.iter().collect();
        if relevant.len() > 2
            && let Some(first) = relevant.iter().position(|e| e.is_incomplete())
        {
            relevant.drain(..first);
        }
        let mut texts: Vec<(String, Rc<Message<'p>>)> = Vec::new();
        for message in relevant.iter().flat_map(|e| e.messages.iter()) {
            texts.push((self.text(message), Rc::clone(message)));
        }
        texts.sort_by(|a, b| a.0.cmp(&b.0));
        texts.dedup_by(|a, b| a.0 == b.0);
        let header = match texts.len() {
            0 => "empty disjunction".to_owned(),
            1 => String::new(),
            count => format!("{count} errors in empty disjunction:"),
        };
        let mut messages: Vec<Rc<Message<'p>>> = texts.into_iter().map(|(_, message)| message).collect();
        if !header.is_empty() {
            let header = Message { at: v, path: None, pieces: vec![header.into()], wrapped: vec![] };
            messages.insert(0, Rc::new(header));
        }
        Rc::new(Bottom {
            code,
            messages: messages.into(),
            close_check: false,
            child_error: false,
            has_recursive: false,
        })
    }

    /// Records the error of a field with its struct (`AddChildError`).
    pub(super) fn add_child_error(&mut self, v: VertexId, error: &Rc<Bottom<'p>>) {
        if v == NO_VERTEX {
            return;
        }
        let vertex = &mut self.vertices[v];
        vertex.child_errors = combine(vertex.child_errors.take(), Some(Rc::clone(error)));
        if error.is_incomplete() {
            return;
        }
        let bottom = match &vertex.base {
            Base::Value(Value::Bottom(known)) if !known.close_check => {
                Bottom { has_recursive: true, code: known.code.min(error.code), ..(**known).clone() }
            }
            _ => Bottom {
                code: error.code,
                messages: error.messages.clone(),
                close_check: error.close_check,
                child_error: true,
                has_recursive: true,
            },
        };
        vertex.base = Base::Value(Value::Bottom(Rc::new(bottom)));
    }
}

fn combine_dropped(a: DefaultMode, b: DefaultMode, drops_a: bool, drops_b: bool) -> DefaultMode {
    let a = if drops_a { DefaultMode::Maybe } else { a };
    let b = if drops_b { DefaultMode::Maybe } else { b };
    a.max(b)
}
