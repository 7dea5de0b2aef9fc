//! From references to vertices, and to their values (`expr.go`, `unify.go`, `context.go`).

use std::rc::Rc;
use std::sync::Arc;

use super::Eval;
use super::doubt::{Seen, Weight};
use super::error::{Code, Piece, R, Stop};
use super::few::Few;
use super::tasks::State;
use super::types::{Base, Conjunct, EnvId, Function, Status, Value, Vertex, VertexId};
use crate::builtins::{self, Member};
use crate::expr::{ArcType, Expr};
use crate::kind::Kind;
use crate::label::{Label, LabelKind};

/// What a reference leads to.
pub(super) enum Resolved<'p> {
    Vertex(VertexId),
    /// A member of a package.
    Value(Value<'p>),
}

/// Which field is selected.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Part {
    /// One that only structs and lists have.
    Regular,
    /// A definition or a hidden field: `{4, #unit: "MiB"}` has them beside a scalar.
    Beside,
}

impl<'p> Eval<'p> {
    /// Finds what a reference means.
    pub(super) fn resolve(&mut self, expr: &'p Expr, env: EnvId) -> R<'p, Resolved<'p>> {
        let arc = match expr {
            Expr::Field { up, label } => {
                let scope = self.env(self.env_up(env, *up)).vertex;
                self.lookup(scope, *label)?
            }
            Expr::Let { up, label } => {
                self.note_let_use();
                self.resolve_let(self.env_up(env, *up), *label)?
            }
            Expr::Value { up: 0, .. } => self.at,
            Expr::Value { up, .. } => self.env(self.env_up(env, up.saturating_sub(1))).vertex,
            Expr::Dynamic { up, label: name } => {
                let env = self.env_up(env, *up);
                let value = self.plain_value(name, env)?;
                let label = self.label_of(&value, name)?;
                self.doubt_computed_name(name);
                self.lookup(self.env(env).vertex, label)?
            }
            Expr::Selector(subject, label) => {
                if let Expr::Import(path) = &**subject {
                    let name = self.names.text(*label);
                    return Ok(Resolved::Value(self.package_member(path, &name)?));
                }
                let literal = subject;
                let part = if self.names.is_regular(*label) { Part::Regular } else { Part::Beside };
                let subject = self.subject(expr, subject, env, part);
                let subject = self.doubt_optional_subject(subject);
                let subject = self.doubt_cycle(subject)?;
                let found = self.lookup(subject, *label);
                self.doubt_inline_subject(literal, found)?
            }
            Expr::Index(subject, index) => {
                let node = self.subject(expr, subject, env, Part::Regular);
                let node = self.doubt_optional_subject(node);
                let index_value = self.plain_value(index, env);
                let (node, value) = (self.doubt_cycle(node), self.doubt_cycle(index_value));
                let label = value.and_then(|value| self.label_of(&value, index));
                match (Self::caught(node)?, Self::caught(label)?) {
                    (Ok(node), Ok(label)) => self.lookup(node, label)?,
                    (node, Err(error)) => {
                        self.doubt_index(node.as_ref().ok().copied(), index, &error);
                        return Err(Self::either(node.err(), Some(error)));
                    }
                    (node, Ok(_)) => return Err(Self::either(node.err(), None)),
                }
            }
            _ => return Ok(Resolved::Value(self.evaluate(expr, env)?)),
        };
        Ok(Resolved::Vertex(arc))
    }

    pub(super) fn package_member(&mut self, path: &Arc<str>, name: &str) -> R<'p, Value<'p>> {
        match builtins::lookup(path, name) {
            Some(Member::Function(function)) => Ok(Value::Function(Function::Package(function))),
            Some(Member::Constant(value)) => self.import_plain(&value),
            Some(Member::Source(source)) => {
                Err(Stop::Unsupported(format!("{path}.{name}, which is {source}, is not supported")))
            }
            None => self.no_member(name),
        }
    }

    /// A `let` clause in one environment: there it has one value.
    fn resolve_let(&mut self, env: EnvId, label: Label) -> R<'p, VertexId> {
        if let Some(known) = self.lets.get(&(env, label)) {
            return Ok(*known);
        }
        let scope = self.env(env).vertex;
        let conjunct = self.find_arc(scope, label).and_then(|arc| self.vertices[arc].conjuncts.first().cloned());
        let Some(conjunct) = conjunct else {
            return self.fail(Code::Eval, "undefined field: {}", vec![label.into()]);
        };
        let v = self.add_vertex(Vertex {
            parent: scope,
            label: Some(label),
            is_let: true,
            is_dynamic: self.vertices[scope].is_dynamic,
            conjuncts: Few::One(Conjunct { env, ..conjunct }),
            ..Vertex::default()
        })?;
        self.lets.insert((env, label), v);
        Ok(v)
    }

    /// The struct or list that is selected from.
    fn subject(&mut self, whole: &'p Expr, subject: &'p Expr, env: EnvId, part: Part) -> R<'p, VertexId> {
        let saved = self.close;
        if !is_reference(subject) {
            self.close.from_def = false;
            self.note_selected_inline(subject);
        }
        let result = self.nested(|e| e.subject_value(subject, env, part));
        self.close = saved;
        match result? {
            Value::Vertex(v) if part == Part::Regular || self.holds_parts(v) => Ok(v),
            value => {
                self.doubt_element(whole, &value);
                let kind = self.kind_of(&value);
                if kind.meets(Kind::STRUCT) {
                    let template = "{} undefined as {} is incomplete (type {})";
                    let (whole, named) = (super::types::Elem::Expr(whole), super::types::Elem::Expr(subject));
                    let nodes = vec![whole.into(), named.into(), kind.to_string().into()];
                    return self.fail(Code::Incomplete, template, nodes);
                }
                let template = "invalid operand {} (found {}, want list or struct)";
                self.fail(Code::Eval, template, vec![Piece::Source(subject), kind.to_string().into()])
            }
        }
    }

    /// Whether definitions and hidden fields may stand beside the value: beside a scalar too, but not beside what may yet
    /// become a struct.
    fn holds_parts(&mut self, v: VertexId) -> bool {
        match self.value_of(v) {
            Value::Vertex(_) => true,
            value => {
                let open = self.kind_of(&value).meets(Kind::STRUCT);
                if open && !self.vertices[self.deref(v)].arcs.is_empty() {
                    self.doubt(Weight::Always, v, "a definition is asked for beside what may be anything");
                }
                !open
            }
        }
    }

    fn subject_value(&mut self, subject: &'p Expr, env: EnvId, part: Part) -> R<'p, Value<'p>> {
        if part == Part::Beside && matches!(subject, Expr::And(..) | Expr::Or { .. } | Expr::Struct(_)) {
            self.spend(1)?;
            let w = self.inline_vertex(subject, env)?;
            return self.subject_default(w, part);
        }
        if !is_reference(subject) {
            let value = self.evaluate(subject, env)?;
            return self.default_of(value);
        }
        let resolved = self.resolve(subject, env)?;
        if let (Some(_), Resolved::Vertex(v)) = (&self.required, &resolved) {
            self.doubt_complex_required(*v);
        }
        self.check_required()?;
        let v = match resolved {
            Resolved::Vertex(v) => v,
            Resolved::Value(value) => return self.default_of(value),
        };
        self.note_selected(v);
        self.know(v, false)?;
        if self.vertices[v].node.has_disjunction {
            self.note_own_read(v);
            if self.question.is_some() {
                self.doubt(Weight::Always, v, "a part of alternatives is asked for");
            }
            if self.vertices[v].node.running > 0 {
                self.doubt_chosen_subject(v);
            }
        }
        let w = self.deref(v);
        self.note_subject_use(subject, v, w);
        if let (Some((by, close)), Some(_)) = (self.vertices[w].node.a_struct.clone(), &self.vertices[w].node.scalar) {
            // That it cannot be both is the error to tell.
            self.update_kind(w, Kind::STRUCT, by, close);
        }
        if let Some(error) = self.hard_error(v).or_else(|| self.doubtful_error(v, w)) {
            return Err(Stop::Error(error));
        }
        if self.vertices[w].status < Status::Known {
            self.doubt_plain_subject(w);
            self.doubt_chosen_subject(w);
            // Its fields may be known although it is not.
            return Ok(match &self.vertices[w].node.scalar {
                Some(scalar) if part == Part::Regular => scalar.clone(),
                _ => Value::Vertex(w),
            });
        }
        if let Base::Value(Value::Bottom(bottom)) = &self.vertices[w].base {
            let bottom = Rc::clone(bottom);
            self.doubt_error_read(v, &bottom);
            let child = bottom.child_error || bottom.has_recursive;
            if !child {
                self.doubt_chosen_subject(w);
                return Err(Stop::Error(bottom));
            }
            return if bottom.is_incomplete() { Ok(Value::Vertex(w)) } else { Err(Stop::Error(bottom)) };
        }
        let value = self.value_of(w);
        if matches!(value, Value::Basic(_)) {
            self.parts_asked.insert(w);
        }
        self.subject_default(w, part)
    }

    fn subject_default(&mut self, w: VertexId, part: Part) -> R<'p, Value<'p>> {
        let value = self.value_of(w);
        match (part, &value) {
            (Part::Regular, _) => self.default_of(value),
            (Part::Beside, Value::Disjunction(_)) => self.default_vertex(value),
            (Part::Beside, _) => Ok(Value::Vertex(w)),
        }
    }

    /// A required field has no value yet.
    pub(super) fn check_required(&mut self) -> R<'p, ()> {
        match self.required.take() {
            Some(error) => Err(Stop::Error(error)),
            None => Ok(()),
        }
    }

    /// An error that more information does not take away, also one beside what the vertex stands for.
    pub(super) fn hard_error(&self, v: VertexId) -> Option<Rc<super::error::Bottom<'p>>> {
        let mut at = v;
        for _ in 0..1_000 {
            let own = self.vertices[at].node.errors.clone().filter(|e| !e.is_incomplete());
            match self.vertices[at].base {
                Base::Link(target) if own.is_none() => at = target,
                _ => return own,
            }
        }
        None
    }

    /// A field of a struct.
    pub(super) fn lookup(&mut self, v: VertexId, label: Label) -> R<'p, VertexId> {
        self.spend(1)?;
        let v = self.prepare(v)?;
        let found = self.find_arc(v, label);
        let mut arc_type = found.map_or(ArcType::NotPresent, |a| self.vertices[a].arc);
        if arc_type != ArcType::Member && self.vertices[v].status == Status::Evaluating {
            self.run_pending(v, label)?;
            let found = self.find_arc(v, label);
            arc_type = found.map_or(ArcType::NotPresent, |a| self.vertices[a].arc);
        }
        let found = self.find_arc(v, label);
        if let (Some(arc), ArcType::Member) = (found, arc_type) {
            self.doubt_chained_name(v, arc);
            self.doubt_own_choice(v, arc, label);
            return Ok(arc);
        }
        self.mark_missed(v, label);
        let text = self.names.selector(label).to_string();
        match arc_type {
            ArcType::Required => {
                if let Some(arc) = found {
                    self.doubt_own_required(arc)?;
                }
                self.required = Some(self.error(Code::Incomplete, "required field missing: {}", vec![text.into()]));
                Ok(found.unwrap_or(v))
            }
            ArcType::Optional => {
                // CUE works on it all the same, and finds cycles there.
                if let Some(arc) = found {
                    if self.in_alternative {
                        self.doubt(Weight::Last, arc, "an alternative is an optional field");
                    }
                    if self.vertices[arc].node.running > 0 {
                        self.doubt_own_optional(arc);
                    }
                    self.nested(|e| {
                        e.init(arc)?;
                        e.run_tasks(arc)
                    })?;
                }
                self.fail(Code::Incomplete, "cannot reference optional field: {}", vec![text.into()])
            }
            _ => {
                self.doubt_if_unfinished(v, label);
                let waits = !self.force && self.may_still_have(v, label);
                let code =
                    if waits && !self.never_has(v, label) { Code::Incomplete } else { self.missing_code(v, label)? };
                if code == Code::Incomplete {
                    self.doubt_missed(v, label);
                }
                let closed = self.vertices[v].closed_once || self.vertices[v].closed_recursive;
                let patterned = !self.vertices[v].patterns.is_empty();
                if code == Code::Incomplete && closed && patterned && self.vertices[v].is_disjunct {
                    // CUE may take an alternative without the pattern for the same as this one.
                    self.doubt(Weight::Always, v, "a field is missed in one of several closed alternatives");
                }
                if let Some(index) = label.as_index() {
                    if self.vertices[v].is_disjunct {
                        self.doubt(Weight::Always, v, "an element is missed in one of several lists");
                    }
                    let length = self.elements(v).len();
                    let nodes = vec![index.to_string().into(), length.to_string().into()];
                    return self.fail(code, "index out of range [{}] with length {}", nodes);
                }
                self.fail(code, "undefined field: {}", vec![text.into()])
            }
        }
    }

    /// Comprehensions that may make the field come first.
    fn run_pending(&mut self, v: VertexId, label: Label) -> R<'p, ()> {
        for n in 0..self.tasks_of(v).len() {
            let wanted =
                self.vertices[v].node.tasks.get(n).is_some_and(|t| t.state == State::Ready && t.may_add(Some(label)));
            if wanted {
                self.run_task(v, n, false)?;
            }
        }
        Ok(())
    }

    fn may_still_have(&self, v: VertexId, label: Label) -> bool {
        let vertex = &self.vertices[v];
        if vertex.status >= Status::Known {
            return false;
        }
        let waits = self.tasks_of(v).iter().any(|t| t.state != State::Done && t.may_add(Some(label)));
        waits || !vertex.node.choices.is_empty() || !self.is_settled(v)
    }

    /// Whether the kind of the value excludes the field, whatever else comes.
    fn never_has(&self, v: VertexId, label: Label) -> bool {
        let kind = self.vertices[v].node.kind;
        let wanted = if label.as_index().is_some() { Kind::LIST } else { Kind::STRUCT };
        self.names.is_regular(label) && !kind.meets(wanted) && !kind.is_bottom()
    }

    /// The class of the error that a field is not there.
    fn missing_code(&mut self, v: VertexId, label: Label) -> R<'p, Code> {
        if let Base::Value(Value::Bottom(bottom)) = self.vertices[v].base.clone() {
            let vertex = &self.vertices[v];
            let closed = vertex.closed_once || vertex.closed_recursive || vertex.node.list_open == Some(false);
            if bottom.is_incomplete() && closed {
                self.doubt(Weight::Always, v, "a field is missed in a closed value that is incomplete");
            }
            return Ok(bottom.code);
        }
        Ok(if self.accepts(v, label)? { Code::Incomplete } else { Code::Eval })
    }

    /// Whether the struct or list may yet get the field (`Vertex.Accept`).
    pub(super) fn accepts(&mut self, v: VertexId, label: Label) -> R<'p, bool> {
        if self.names.kind(label) != LabelKind::Regular {
            return Ok(true);
        }
        let v = self.deref(v);
        if let Base::Value(Value::Disjunction(disjunction)) = self.vertices[v].base.clone() {
            for value in &disjunction.values {
                if let Value::Vertex(w) = value
                    && self.accepts(*w, label)?
                {
                    return Ok(true);
                }
            }
            return Ok(false);
        }
        let vertex = &self.vertices[v];
        // What is under way is a struct only when it is done.
        let kind = match &vertex.base {
            Base::None if vertex.node.scalar.is_none() => vertex.node.kind,
            _ => self.vertex_kind(v),
        };
        if label.as_index().is_some() {
            return Ok(match vertex.base {
                Base::List { open } => open,
                _ => kind.meets(Kind::LIST),
            });
        }
        if !(kind.meets(Kind::STRUCT) || (kind.is_bottom() && vertex.node.has_structs)) {
            return Ok(false);
        }
        let closed = matches!(vertex.base, Base::Struct) && (vertex.closed_recursive || vertex.closed_once);
        if !closed || vertex.has_ellipsis {
            return Ok(true);
        }
        for pattern in vertex.patterns.clone() {
            if self.matches_pattern(&pattern.pattern, label)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Runs what can be run, and finds the vertex that stands for this one.
    fn prepare(&mut self, v: VertexId) -> R<'p, VertexId> {
        let mut v = v;
        for _ in 0..1_000 {
            self.init(v)?;
            if self.vertices[v].status == Status::Evaluating {
                self.complete_ancestors(v)?;
                self.run_tasks(v)?;
                let node = &self.vertices[v].node;
                if !node.choices.is_empty() && node.running == 0 {
                    self.know(v, false)?;
                }
            }
            match self.vertices[v].base {
                Base::Link(target) => v = target,
                _ => break,
            }
        }
        Ok(v)
    }

    /// Works out the value of a vertex, as far as that is possible now.
    pub(super) fn know(&mut self, v: VertexId, force: bool) -> R<'p, ()> {
        if self.vertices[v].status >= Status::Known {
            let w = self.deref(v);
            return if w == v { Ok(()) } else { self.nested(|e| e.know(w, force)) };
        }
        if self.vertices[v].node.running > 0 {
            return Ok(());
        }
        self.nested(|e| {
            e.init(v)?;
            e.complete_ancestors(v)?;
            e.run_tasks(v)?;
            if e.vertices[v].status >= Status::Known || e.vertices[v].node.running > 0 {
                return Ok(());
            }
            let ready = e.tasks_of(v).iter().any(|t| t.state == State::Ready);
            // Alternatives may supply what tasks wait for.
            let waits = ready && e.vertices[v].node.choices.is_empty();
            if force || e.force || (!waits && e.is_settled(v)) {
                return e.finish_node(v);
            }
            Ok(())
        })
    }

    /// The value of what a reference has led to.
    pub(super) fn reference_value(&mut self, v: VertexId, expr: &'p Expr) -> R<'p, Value<'p>> {
        self.know(v, false)?;
        self.finish_earlier(v)?;
        self.doubt_link(v);
        self.note_own_read(v);
        let w = self.deref(v);
        if w != v && self.vertices[v].node.running > 0 {
            self.doubt(Weight::Always, v, "a value is used to make itself");
        }
        if self.has_depth_cycle(w) {
            let special = self.vertices[v].label.is_some_and(|label| !self.names.is_regular(label));
            if self.vertices[v].is_shared || special {
                self.doubt(Weight::Always, v, "a value is used within itself");
            }
            let node = &mut self.vertices[w].node;
            node.has_any_cyclic = true;
            node.has_ancestor_cycle = true;
        }
        if let Some(error) = self.hard_error(v).or_else(|| self.doubtful_error(v, w)) {
            return Err(Stop::Error(error));
        }
        if self.vertices[w].status >= Status::Known {
            self.mark_seen(v, Seen::Itself);
            // Also one that is not the value of the vertex yet.
            let error = match (self.vertices[w].node.errors.clone(), self.value_of(w)) {
                (Some(error), _) | (None, Value::Bottom(error)) => error,
                (None, value) => {
                    let unconstrained = matches!(value, Value::Basic(kind) if kind == Kind::TOP);
                    if unconstrained && !self.vertices[w].node.has_top {
                        self.doubt(Weight::Last, v, "a value that nothing says anything of is used");
                    }
                    self.referred = v;
                    return Ok(value);
                }
            };
            let node = &self.vertices[w].node;
            let known =
                node.scalar.is_some() || node.has_structs || node.a_struct.is_some() || node.list_open.is_some();
            if !self.is_taken_whole(w, expr) {
                if error.is_incomplete() && known && !node.is_unfulfilled {
                    self.doubt(Weight::Always, v, "a value is known, and incomplete too");
                }
                self.doubt_error_read(v, &error);
            }
            self.doubt_failed_beside(v);
            return Err(Stop::Error(error));
        }
        let vertex = &self.vertices[w];
        if let Some(scalar) = vertex.node.scalar.clone() {
            if vertex.node.running > 0 {
                self.doubt_self_choice(w);
            }
            self.mark_seen(w, Seen::Scalar);
            self.note_early_part(w);
            return Ok(scalar);
        }
        let named = vec![super::types::Elem::Expr(expr).into()];
        if vertex.node.running > 0 {
            let node = &vertex.node;
            let composite =
                node.has_field_value && (node.a_struct.is_some() || node.has_structs || node.list_open.is_some());
            if composite {
                self.referred = v;
                return Ok(self.doubt_unfinished(w, Value::Vertex(w)));
            }
            if node.has_field_value {
                let value = self.validators(w)?;
                return Ok(self.doubt_unfinished(w, value));
            }
            self.doubt_own_use(w);
            return self.fail(Code::Cycle, "cycle with field: {}", named);
        }
        self.fail(Code::Incomplete, "{} is not known yet", named)
    }

    /// The value of a vertex that is known.
    pub(super) fn value_of(&self, v: VertexId) -> Value<'p> {
        let w = self.deref(v);
        let vertex = &self.vertices[w];
        match &vertex.base {
            Base::Value(value) => value.clone(),
            Base::Struct | Base::List { .. } | Base::Link(_) => Value::Vertex(w),
            Base::None => match &vertex.node.scalar {
                Some(scalar) => scalar.clone(),
                None => Value::Vertex(w),
            },
        }
    }

    /// The label that a computed name or index stands for.
    pub(super) fn label_of(&mut self, value: &Value<'p>, source: &'p Expr) -> R<'p, Label> {
        let named = super::types::Elem::Expr(source);
        match value {
            Value::String(text) => Ok(self.names.regular(text)),
            Value::Number(number) => {
                let index = number.to_bigint().filter(|_| number.kind() == Kind::INT);
                match index.as_ref().map(i64::try_from) {
                    Some(Ok(index)) if index >= 0 => Ok(Label::index(usize::try_from(index).unwrap_or(usize::MAX))),
                    Some(Ok(_)) if matches!(source, Expr::Number(_) | Expr::Unary(..)) => {
                        let template = "invalid index {} (index must be non-negative)";
                        self.fail(Code::Eval, template, vec![value.clone().into()])
                    }
                    Some(Ok(_)) => {
                        self.fail(Code::Eval, "index {} out of range [{}]", vec![named.into(), value.clone().into()])
                    }
                    _ => self.fail(Code::Eval, "invalid index {}", vec![named.into()]),
                }
            }
            value => {
                let kind = self.kind_of(value);
                if !value.is_concrete() && (kind == Kind::STRING || kind == Kind::INT || kind == Kind::NUMBER) {
                    let wanted = if kind == Kind::STRING { "string" } else { "int" };
                    let template = "invalid non-ground value {} (must be concrete {})";
                    return self.fail(Code::Incomplete, template, vec![value.clone().into(), wanted.into()]);
                }
                let kind = kind.to_string();
                self.fail(Code::Eval, "invalid index {} (invalid type {})", vec![named.into(), kind.into()])
            }
        }
    }
}

pub(super) fn is_reference(expr: &Expr) -> bool {
    matches!(
        expr,
        Expr::Field { .. }
            | Expr::Let { .. }
            | Expr::Value { .. }
            | Expr::Dynamic { .. }
            | Expr::Selector(..)
            | Expr::Index(..)
    )
}
