//! What hardly anyone writes, and CUE judges by the order of its work: errors among the constraints of a function, parts of
//! what has no parts, optional fields that come back to themselves, and the like.

use super::Eval;
use super::doubt::Weight;
use super::error::{Bottom, Code, Piece, R, Stop};
use super::reference::{Resolved, is_reference};
use super::tasks::{State, Task, TaskKind};
use super::types::{Base, Conjunct, Elem, EnvId, NO_VERTEX, Value, VertexId};
use crate::expr::{ArcType, Comprehension, Core, Decl, Element, Expr, Op};
use crate::kind::Kind;
use crate::label::Label;

impl<'p> Eval<'p> {
    /// When all is known.
    pub(super) fn doubt_odd(&mut self) -> R<'p, ()> {
        self.doubt_cycle_with_lets();
        self.doubt_made_structs();
        self.doubt_asked_cycle();
        self.doubt_asked_inline();
        self.doubt_optionals()?;
        self.doubt_missed_in_making()
    }

    /// A reference waits for evidence that it is no cycle, in a policy with `let`: CUE looks at these at other times.
    fn doubt_cycle_with_lets(&mut self) {
        if self.waiting_cycle != NO_VERTEX && !self.lets.is_empty() {
            self.doubt(Weight::Always, self.waiting_cycle, "a cycle waits beside a let");
        }
    }

    /// `{a: b}.a != _|_`: CUE finds that the answer has changed, whatever it is.
    pub(super) fn doubt_asked_within(&mut self, operand: &Expr) {
        if let Expr::Call(_, arguments) = operand {
            arguments.iter().for_each(|argument| self.doubt_asked_within(argument));
        }
        if let Expr::Selector(subject, _) | Expr::Index(subject, _) = operand {
            match &**subject {
                subject if is_reference(subject) => self.doubt_asked_within(subject),
                Expr::Import(_) => {}
                _ => self.doubt(Weight::Always, self.at, "a part of a value within an expression is asked for"),
            }
        }
    }

    /// `if x == _|_ {x: …}`
    pub(super) fn doubt_made_if_missing(&mut self, op: Op, operand: &Expr) {
        let plain = |function: &Expr| match function {
            Expr::Core(core) => *core == Core::Len,
            function => super::call::of_package(function),
        };
        let sure = match operand {
            // CUE ends with a panic where it looks into a part of a list.
            Expr::Call(function, arguments) => {
                plain(function) && !arguments.iter().any(|argument| matches!(argument, Expr::Slice(..)))
            }
            operand => !matches!(operand, Expr::Struct(_)),
        };
        if !sure {
            // CUE looks into all of it, and finds cycles there.
            self.doubt(Weight::Always, self.at, "whether there is a struct is asked");
        }
        let Expr::Field { label, .. } = operand else { return };
        let makes = |task: &Task<'p>| {
            let TaskKind::Comprehension(comprehension) = &task.kind else { return false };
            let decls = &comprehension.value.decls;
            task.state == State::Running
                && decls.iter().any(|decl| matches!(decl, Decl::Field { label: field, .. } if field == label))
        };
        if op == Op::Equal && self.tasks_of(self.at).iter().any(makes) {
            self.doubt(Weight::Always, self.at, "a comprehension makes what it finds missing");
        }
    }

    /// A field is missed, and may come for all that is known.
    pub(super) fn doubt_missed(&mut self, v: VertexId, label: Label) {
        if self.vertices[v].node.running > 0 || self.deref(self.at) == v {
            self.missed_in_making.push((v, label));
        }
        if !self.force {
            return;
        }
        let vertex = &self.vertices[v];
        let special = !self.names.is_regular(label) && label.as_index().is_none();
        if vertex.is_disjunct || vertex.node.has_disjunction {
            self.doubt(Weight::Always, v, "a field is missed in one of several alternatives");
        } else if special && vertex.closed_recursive {
            self.doubt(Weight::Always, v, "a definition is missed in a definition");
        }
    }

    /// What a field was missed in while it was made is closed by now: to CUE that is an error.
    pub(super) fn doubt_missed_in_making(&mut self) -> R<'p, ()> {
        while let Some((v, label)) = self.missed_in_making.pop() {
            let w = self.deref(v);
            let made = self.find_arc(w, label).is_some_and(|arc| self.vertices[arc].arc == ArcType::Member);
            if !made && !self.accepts(w, label)? {
                self.doubt(Weight::Always, v, "a field is missed in what is closed later");
            }
        }
        Ok(())
    }

    /// The index has no value. CUE goes on with it in some of these, and misses a field named `_`.
    pub(super) fn doubt_index(&mut self, subject: Option<VertexId>, index: &Expr, error: &Bottom<'p>) {
        if error.is_incomplete() && self.force && is_core_call(index) {
            self.doubt(Weight::Always, self.at, "an index is a call that has no value");
        }
        let Some(v) = subject else { return };
        let vertex = &self.vertices[self.deref(v)];
        if !error.is_incomplete() {
            self.doubt(Weight::Last, v, "an index is no name or number");
        } else if self.force && (vertex.closed_once || (vertex.closed_recursive && !is_plain_index(index))) {
            self.doubt(Weight::Always, v, "an index for a closed struct is not known");
        }
    }

    /// An element is asked for of what is only known not to be a list.
    pub(super) fn doubt_element(&mut self, whole: &Expr, value: &Value<'p>) {
        let validator = matches!(value, Value::Validator(_) | Value::Function(_) | Value::Package(_));
        if validator && matches!(whole, Expr::Index(..)) && !self.kind_of(value).meets(Kind::LIST) {
            self.doubt(Weight::Always, self.at, "an element is asked for of what is no list");
        }
    }

    /// A missing optional field asks for itself. CUE looks into its alternatives, and finds structural cycles there.
    pub(super) fn doubt_own_optional(&mut self, arc: VertexId) {
        let composite = |conjunct: &Conjunct<'p>| match &conjunct.elem {
            Elem::Expr(Expr::Or { values, .. }) => values.iter().any(|(value, _)| is_computed_composite(value)),
            _ => false,
        };
        let chosen = self.vertices[arc].conjuncts.iter().any(composite);
        if chosen || self.clauses_running > 0 {
            self.doubt(Weight::Always, arc, "an optional field asks for itself");
        } else {
            self.doubt(Weight::Last, arc, "an optional field asks for itself");
        }
    }

    /// A field stands for another one although more of it is to come, or has failed: to CUE it is incomplete.
    pub(super) fn doubt_link(&mut self, v: VertexId) {
        let mut at = v;
        for _ in 0..1_000 {
            let Base::Link(target) = self.vertices[at].base else { return };
            if self.vertices[target].is_disjunct {
                return;
            }
            let node = &self.vertices[at].node;
            let waits = node.running == 0 && self.tasks_of(at).iter().any(|task| task.state == State::Ready);
            if waits || node.errors.is_some() {
                return self.doubt(Weight::Always, at, "a field stands for another before all of it is known");
            }
            at = target;
        }
    }

    /// An operator of a definition has no value yet, and the definition gets fields: CUE takes them for allowed, or not.
    pub(super) fn doubt_closed_operator(&mut self, v: VertexId) {
        let vertex = &self.vertices[v];
        let incomplete = vertex.node.errors.as_ref().is_some_and(|error| error.is_incomplete());
        let computed = |conjunct: &Conjunct<'p>| matches!(&conjunct.elem, Elem::Expr(expr) if is_operator(expr));
        if incomplete && vertex.closed_recursive && !vertex.arcs.is_empty() && vertex.conjuncts.iter().any(computed) {
            self.doubt(Weight::Always, v, "a definition that is not known gets fields");
        }
    }

    /// What a clause slices is a field beside it that is not known: CUE slices it all the same.
    pub(super) fn doubt_slice<T>(&mut self, subject: &Expr, result: R<'p, T>) -> R<'p, T> {
        if let (Err(Stop::Error(error)), Expr::Field { .. }) = (&result, subject)
            && error.is_incomplete()
            && self.force
            && self.clauses_running > 0
        {
            self.doubt(Weight::Always, self.at, "a part is cut out of what is not known");
        }
        result
    }

    /// An optional field has a comprehension.
    pub(super) fn note_optional(&mut self, arc: VertexId, expr: &Expr) {
        if has_comprehension(expr) {
            self.optionals.push(arc);
        }
    }

    /// A comprehension makes optional fields that conjoin something.
    pub(super) fn note_made_optionals(&mut self, v: VertexId, comprehension: &Comprehension) {
        for decl in &comprehension.value.decls {
            if let Decl::Field { label, arc: ArcType::Optional, value: Expr::And(..) } = decl {
                let made = self.find_arc(v, *label);
                self.optionals.extend(made);
            }
        }
    }

    /// An error in an optional field counts for CUE where a comprehension has made it.
    pub(super) fn doubt_optionals(&mut self) -> R<'p, ()> {
        while let Some(arc) = self.optionals.pop() {
            if self.vertices[arc].arc == ArcType::Optional && self.has_error_within(arc)? {
                self.doubt(Weight::Always, arc, "a comprehension in an optional field has an error");
            }
        }
        Ok(())
    }

    /// A constraint of `matchN` or `matchIf` is an error itself: CUE keeps the error for the next value that is looked at.
    pub(super) fn doubt_schema(&mut self, schema: VertexId) -> R<'p, ()> {
        self.finalize(schema)?;
        if self.own_error(schema).is_some() {
            self.doubt(Weight::Always, self.at, "a constraint of a function is an error");
        }
        Ok(())
    }

    /// A list or struct that is not known yet is one already, which few operators take.
    pub(super) fn doubt_unknown_operand(&mut self, expr: &'p Expr, env: EnvId, error: &Bottom<'p>) -> R<'p, ()> {
        if !is_reference(expr) || !error.is_incomplete() {
            return Ok(());
        }
        let required = self.required.take();
        let resolved = Self::caught(self.resolve(expr, env))?;
        self.required = required;
        let Ok(Resolved::Vertex(v)) = resolved else { return Ok(()) };
        let kind = self.vertices[self.deref(v)].node.kind;
        if kind == Kind::LIST || kind == Kind::STRUCT {
            self.doubt(Weight::Always, v, "an operator uses a list or struct that is not known");
        }
        Ok(())
    }

    /// A comprehension makes an optional definition, or one with optional fields: where that comes back to itself, CUE finds
    /// structural cycles, or closes what refers to it.
    pub(super) fn doubt_made_optional(&mut self, v: VertexId, comprehension: &Comprehension) {
        let optional = |decl: &Decl| matches!(decl, Decl::Field { arc: ArcType::Optional, .. });
        let made = comprehension.value.decls.iter().any(|decl| match decl {
            Decl::Field { label, arc, value } if !self.names.is_regular(*label) => {
                *arc == ArcType::Optional || matches!(value, Expr::Struct(lit) if lit.decls.iter().any(optional))
            }
            _ => false,
        });
        if made {
            self.doubt(Weight::Always, v, "a comprehension makes a definition with optional fields");
        }
    }

    /// A list is one of its own elements; a struct within an expression takes in a field of its own.
    pub(super) fn doubt_own_element(&mut self, v: VertexId, arc: VertexId) {
        if self.vertices[v].is_dynamic {
            self.doubt(Weight::Always, v, "a struct within an expression takes in a field of its own");
        } else if self.vertices[arc].label.is_some_and(|label| label.as_index().is_some()) {
            self.doubt(Weight::Always, v, "a list is one of its own elements");
        }
    }

    /// A comprehension ranges over alternatives in a list or struct within the clause.
    pub(super) fn doubt_chosen_item(&mut self, arc: VertexId) {
        let conjunction = |one: &Conjunct<'p>| matches!(&one.elem, Elem::Expr(Expr::And(..)));
        if !self.vertices[arc].conjuncts.iter().any(conjunction) {
            return;
        }
        let chosen = self.vertices[self.deref(arc)].node.has_disjunction;
        if chosen || matches!(self.vertices[arc].base, Base::Value(Value::Disjunction(_))) {
            self.doubt(Weight::Always, arc, "a comprehension ranges over alternatives");
        }
    }

    /// Something is compared with `_|_`, and something is used to make itself.
    pub(super) fn doubt_asked_cycle(&mut self) {
        if self.has_asked && self.cycle_at != NO_VERTEX {
            self.doubt(Weight::Always, self.cycle_at, "a value is used to make itself");
        }
    }

    /// Something is selected from a conjunction within an expression.
    pub(super) fn note_selected_inline(&mut self, subject: &Expr) {
        if matches!(subject, Expr::And(left, right) if is_static(left) || is_static(right)) {
            self.selected_inline = self.at;
        }
    }

    /// Something is compared with `_|_`, and something is selected from a conjunction within an expression: CUE's answer
    /// depends on how far that is.
    pub(super) fn doubt_asked_inline(&mut self) {
        if self.has_asked && self.selected_inline != NO_VERTEX {
            self.doubt(
                Weight::Always,
                self.selected_inline,
                "a part of a conjunction within an expression is used beside a question",
            );
        }
    }

    /// The value of a vertex that is under way, as far as it is known.
    pub(super) fn doubt_unfinished(&mut self, v: VertexId, value: Value<'p>) -> Value<'p> {
        self.doubt(Weight::Always, v, "a value is used to make itself");
        value
    }

    /// An alternative is the choice itself.
    pub(super) fn doubt_self_choice(&mut self, v: VertexId) {
        if self.vertices[v].is_disjunct {
            self.doubt(Weight::Always, v, "an alternative is the choice itself");
        }
    }

    /// A value is used to make itself.
    pub(super) fn doubt_own_use(&mut self, v: VertexId) {
        self.cycle_at = v;
        let weight = if self.in_alternative { Weight::Always } else { Weight::Last };
        self.doubt(weight, v, "a value is used to make itself");
    }

    /// Something is used that has no value, though part of it is known, or because of what hardly anyone writes: an optional
    /// definition, a part of a value within an expression. CUE goes on with what it has found by then.
    pub(super) fn doubt_error_read(&mut self, v: VertexId, error: &Bottom<'p>) {
        if !error.is_incomplete() {
            return;
        }
        let w = self.deref(v);
        let node = &self.vertices[w].node;
        if node.is_unfulfilled {
            // Validators say so, in the order of fields.
            return;
        }
        let inline = |side: &Expr| matches!(side, Expr::Selector(subject, _) | Expr::Index(subject, _) if !is_reference(subject));
        let composed = |conjunct: &Conjunct<'p>| match &conjunct.elem {
            Elem::Expr(Expr::And(left, right)) => inline(left) || inline(right),
            _ => false,
        };
        let known = node.has_disjunction || node.scalar.is_some();
        if known || names_optional_definition(error) || self.vertices[w].conjuncts.iter().any(composed) {
            self.doubt(Weight::Always, v, "something is used that has no value");
        }
    }

    /// In a definition, a field is itself. Beside a comprehension that makes nothing, it is not allowed for CUE.
    pub(super) fn doubt_itself(&mut self, v: VertexId, arc: VertexId) {
        let vertex = &self.vertices[v];
        let regular = vertex.label.is_some_and(|label| self.names.is_regular(label));
        let alone = vertex.conjuncts.len() == 1;
        if v == arc && regular && alone && self.vertices[vertex.parent].closed_recursive {
            self.itself = v;
        }
    }

    /// A function or package stands where a value is used.
    pub(super) fn doubt_bare_function(&mut self, value: &Value<'p>) {
        match value {
            Value::Function(_) | Value::Package(_) => {
                self.doubt(Weight::Always, self.at, "a function is used as a value");
            }
            // CUE makes one value of it first.
            Value::Conjunction(parts) if parts.iter().all(|part| matches!(part, Value::Vertex(_))) => {
                self.doubt(Weight::Always, self.at, "a function is called with a conjunction");
            }
            _ => {}
        }
    }

    /// A computed name calls a function with a field of the struct it is for, and not as its first argument: CUE waits for
    /// that field, and loses it.
    pub(super) fn doubt_name_of_own_field(&mut self, v: VertexId, key: &'p Expr, env: EnvId) -> R<'p, ()> {
        let Expr::Call(_, arguments) = key else { return Ok(()) };
        for argument in arguments.iter().skip(1) {
            let (Expr::Selector(subject, _) | Expr::Index(subject, _)) = argument else { continue };
            if !is_reference(subject) {
                continue;
            }
            let required = self.required.take();
            let resolved = Self::caught(self.resolve(subject, env))?;
            self.required = required;
            if matches!(resolved, Ok(Resolved::Vertex(w)) if self.deref(w) == v) {
                self.doubt(Weight::Always, v, "a name is computed of a field beside it");
            }
        }
        Ok(())
    }

    /// A package does not have what is used of it.
    pub(super) fn no_member<T>(&mut self, name: &str) -> R<'p, T> {
        self.doubt(Weight::Always, self.at, "a package does not have what is used of it");
        self.fail(Code::Incomplete, "undefined field: {}", vec![name.into()])
    }

    /// An operator is given a struct that names what it stands in: to CUE that may be a structural cycle.
    pub(super) fn doubt_struct_operand(&mut self, operand: &Expr) {
        if matches!(operand, Expr::Struct(_)) && names_alias(operand) {
            self.doubt(Weight::Always, self.at, "an operator uses a struct within what it names");
        }
    }

    /// The same of a package or function as the value of a field.
    pub(super) fn doubt_bare_package(&mut self, value: &Value<'p>) {
        if matches!(value, Value::Package(_) | Value::Function(_)) {
            self.doubt(Weight::Always, self.at, "a package or function is used as a value");
        }
    }

    /// An alternative ranges over what the choice is in.
    pub(super) fn doubt_range_in_alternative(&mut self, v: VertexId) -> R<'p, ()> {
        if !self.in_alternative {
            return Ok(());
        }
        for arc in self.arcs_of(v) {
            Self::caught(self.know(arc, false))?.ok();
            if self.has_ancestor(self.at, arc) {
                self.doubt(Weight::Always, v, "an alternative ranges over what it is in");
            }
        }
        Ok(())
    }

    /// A field is used whose name is the value of another: CUE may take the one for the other.
    pub(super) fn doubt_computed_name(&mut self, name: &Expr) {
        if is_reference(name) {
            self.doubt(Weight::Always, self.at, "a field is used whose name is that of another");
        }
    }

    /// A comprehension has made nothing, and a pattern is for what it would have made: CUE works on that all the same.
    pub(super) fn doubt_pattern_of_unmade(&mut self, v: VertexId, comprehension: &Comprehension) -> R<'p, ()> {
        for decl in &comprehension.value.decls {
            let Decl::Field { label, .. } = decl else { continue };
            for pattern in self.vertices[v].patterns.clone() {
                let computed = |one: &Conjunct<'p>| matches!(&one.elem, Elem::Expr(expr) if has_comprehension(expr) || is_reference(expr));
                if pattern.conjuncts.iter().any(computed) && self.matches_pattern(&pattern.pattern, *label)? {
                    self.doubt(Weight::Always, v, "a pattern is for a field that is not made");
                }
            }
        }
        Ok(())
    }

    /// It is asked for a field beside one whose name is not known: to CUE the answer may have changed.
    pub(super) fn doubt_asked_beside_name(&mut self, v: VertexId) {
        let parent = self.vertices[v].parent;
        let node = &self.vertices[parent].node;
        let naming = |task: &super::tasks::Task<'p>| {
            let waits = task.state != State::Done || node.errors.as_ref().is_some_and(|error| error.is_incomplete());
            matches!(task.kind, TaskKind::Dynamic(_)) && waits
        };
        if self.tasks_of(parent).iter().any(naming) {
            self.doubt(Weight::Always, v, "it is asked for a field beside one whose name is not known");
        }
    }

    /// A comprehension has made structs that may be plain values.
    pub(super) fn note_made_structs(&mut self, v: VertexId, comprehension: &Comprehension) {
        for decl in &comprehension.value.decls {
            if let Decl::Field { label, value: Expr::Struct(lit), .. } = decl
                && lit.has_embedding
                && let Some(arc) = self.find_arc(v, *label)
            {
                self.made_structs.push(arc);
            }
        }
    }

    /// To CUE they may not.
    pub(super) fn doubt_made_structs(&mut self) {
        while let Some(arc) = self.made_structs.pop() {
            if self.vertices[self.deref(arc)].node.scalar.is_some() {
                self.doubt(Weight::Always, arc, "a comprehension makes a struct of a plain value");
            }
        }
    }

    /// A field that is not allowed has no value. Which of the two counts depends on which CUE finds first.
    pub(super) fn doubt_unknown_typo(&mut self, arc: VertexId) {
        if self.vertices[arc].arc <= ArcType::Required {
            self.doubt(Weight::Always, arc, "a field that is not allowed has no value");
        }
    }
}

/// Whether the error is that an optional definition has no value.
fn names_optional_definition(error: &Bottom<'_>) -> bool {
    let definition =
        |piece: &Piece<'_>| matches!(piece, Piece::Text(text) if text.starts_with('#') || text.starts_with("_#"));
    super::order::is_of_optional(error) && error.messages.iter().any(|message| message.pieces.iter().any(definition))
}

/// An index as people write it, which CUE finds incomplete while it is: a name, a text, a function of a package.
fn is_plain_index(index: &Expr) -> bool {
    let packaged =
        |function: &Expr| matches!(function, Expr::Selector(subject, _) if matches!(**subject, Expr::Import(_)));
    match index {
        Expr::Interpolation { .. } | Expr::Binary(..) => true,
        Expr::Call(function, _) => packaged(function),
        index => is_reference(index),
    }
}

/// `and`, `or` and the like.
fn is_core_call(expr: &Expr) -> bool {
    matches!(expr, Expr::Call(function, _) if matches!(**function, Expr::Core(_)))
}

fn is_operator(expr: &Expr) -> bool {
    matches!(expr, Expr::Unary(..) | Expr::Binary(..) | Expr::Interpolation { .. } | Expr::Slice(..))
}

/// `a.b.c`
fn is_static(expr: &Expr) -> bool {
    match expr {
        Expr::Selector(subject, _) => is_static(subject),
        expr => matches!(expr, Expr::Field { .. } | Expr::Let { .. } | Expr::Value { .. }),
    }
}

/// What is written in a struct or list, and its parts.
fn parts(expr: &Expr) -> Vec<&Expr> {
    match expr {
        Expr::Struct(lit) => lit
            .decls
            .iter()
            .filter_map(|decl| match decl {
                Decl::Field { value, .. } | Decl::Embed(value) | Decl::Let { value, .. } => Some(value),
                _ => None,
            })
            .collect(),
        Expr::List(lit) => lit
            .elements
            .iter()
            .filter_map(|element| match element {
                Element::Value(value) => Some(value),
                Element::Comprehension(_) => None,
            })
            .collect(),
        Expr::And(left, right) => vec![&**left, &**right],
        Expr::Or { values, .. } => values.iter().map(|(value, _)| value).collect(),
        _ => Vec::new(),
    }
}

fn names_alias(expr: &Expr) -> bool {
    matches!(expr, Expr::Value { .. }) || parts(expr).into_iter().any(names_alias)
}

fn has_comprehension(expr: &Expr) -> bool {
    let own = match expr {
        Expr::Struct(lit) => lit.decls.iter().any(|decl| matches!(decl, Decl::Comprehension(_))),
        Expr::List(lit) => lit.elements.iter().any(|element| matches!(element, Element::Comprehension(_))),
        _ => false,
    };
    own || parts(expr).into_iter().any(has_comprehension)
}

/// A struct or list in which something is computed.
fn is_computed_composite(expr: &Expr) -> bool {
    match expr {
        Expr::Struct(_) | Expr::List(_) => is_computed(expr),
        Expr::And(left, right) => is_computed_composite(left) || is_computed_composite(right),
        _ => false,
    }
}

fn is_computed(expr: &Expr) -> bool {
    let own = match expr {
        Expr::Struct(lit) => lit
            .decls
            .iter()
            .any(|decl| matches!(decl, Decl::Comprehension(_) | Decl::Pattern { .. } | Decl::Dynamic { .. })),
        Expr::List(lit) => lit.elements.iter().any(|element| matches!(element, Element::Comprehension(_))),
        Expr::Call(..) | Expr::Bound(..) => true,
        expr => is_operator(expr),
    };
    own || parts(expr).into_iter().any(is_computed)
}
