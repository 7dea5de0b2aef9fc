//! More reads whose result depends on what CUE has looked at before, and what it makes of them.

use super::Eval;
use super::doubt::Weight;
use super::error::{Bottom, Code, Piece, R, Stop};
use super::reference::{Resolved, is_reference};
use super::tasks::{State, Task, TaskKind};
use super::types::{Base, Conjunct, Elem, EnvId, Function, NO_VERTEX, Status, Validator, Value, VertexId};
use crate::expr::{ArcType, Clause, Comprehension, Decl, Element, Expr, Op};
use crate::kind::Kind;
use crate::label::{Label, LabelKind};

impl<'p> Eval<'p> {
    /// What the clauses of a comprehension use is what it may add to, or within that. A plain value stays what it is,
    /// whatever is added.
    pub(super) fn note_own_read(&mut self, v: VertexId) {
        self.note_own_read_of(v, Vec::new());
    }

    /// The same, of what is at the end of `path` within it, the last name first.
    pub(super) fn note_own_read_of(&mut self, v: VertexId, path: Vec<Label>) {
        let node = &self.vertices[v].node;
        if node.scalar.is_some() && !node.has_disjunction && !self.asks_inline {
            return;
        }
        let chosen = [v, self.deref(v)].iter().any(|v| self.vertices[*v].node.has_disjunction);
        let inline = self.vertices[self.at].is_dynamic;
        let mut path = path;
        let mut at = v;
        while at != NO_VERTEX {
            let Some(label) = self.vertices[at].label else { return };
            // What is made on the spot is looked at as a whole.
            if inline {
                path.clear();
            }
            path.push(label);
            if self.is_added_by_clauses_owner(self.vertices[at].parent, &path, chosen || inline) {
                self.own_read = v;
                return;
            }
            at = self.vertices[at].parent;
        }
    }

    /// Whether a comprehension of `v` whose clauses are looked at may add to what is at the path.
    fn is_added_by_clauses_owner(&self, v: VertexId, path: &[Label], any_name: bool) -> bool {
        let tasks = self.tasks_of(v);
        let any = |state: Option<State>, key: fn(&Expr, &str) -> bool| {
            tasks.iter().any(|task| match &task.kind {
                TaskKind::Comprehension(one) => {
                    state.is_none_or(|state| task.state == state) && self.makes(&one.value.decls, path, key)
                }
                _ => false,
            })
        };
        // A name with a fixed part counts where another comprehension does add to the field, and where a choice or what is
        // made on the spot is read.
        let running = Some(State::Running);
        any(running, may_be_named) || (any(running, |_, _| true) && (any_name || any(None, may_be_named)))
    }

    /// Whether declarations may add to what is at a path, the last name first.
    fn makes(&self, decls: &[Decl], path: &[Label], key: fn(&Expr, &str) -> bool) -> bool {
        let Some((first, rest)) = path.split_last() else { return true };
        let regular = self.names.is_regular(*first);
        // To CUE one without fields may make any.
        decls.is_empty()
            || decls.iter().any(|decl| match decl {
                Decl::Field { label, value: Expr::Struct(lit), .. } => {
                    label == first && (rest.is_empty() || self.makes(&lit.decls, rest, key))
                }
                Decl::Field { label, .. } => label == first,
                Decl::Dynamic { key: computed, .. } => regular && key(computed, &self.names.text(*first)),
                Decl::Pattern { .. } => regular,
                Decl::Comprehension(inner) => self.makes(&inner.value.decls, path, key),
                Decl::Let { .. } => false,
                Decl::Ellipsis | Decl::Embed(_) => true,
            })
    }

    /// The clauses of a comprehension have an answer, or (where only the last look counts) none. Whether CUE takes it for a
    /// cycle depends on what it has looked at before.
    pub(super) fn doubt_own_read(&mut self, weight: Weight) {
        if self.own_read != NO_VERTEX {
            self.doubt(weight, self.own_read, "a comprehension reads what it may add to");
        }
    }

    /// How much it counts that a comprehension that is not decided reads what it may add to: for CUE a field that gets
    /// fields of its own is a struct all the same.
    pub(super) fn weight_of_own_read(&self, comprehension: &Comprehension) -> Weight {
        if self.own_read == NO_VERTEX {
            return Weight::Last;
        }
        let read = self.vertices[self.own_read].label;
        let makes_struct = |decl: &Decl| match decl {
            Decl::Field { label, value: Expr::Struct(_), .. } => Some(*label) == read,
            _ => false,
        };
        if comprehension.value.decls.iter().any(makes_struct) { Weight::Always } else { Weight::Last }
    }

    /// A required field that is missing is asked for. If it stands for what is being worked out, that is a structural
    /// cycle for CUE.
    pub(super) fn doubt_own_required(&mut self, arc: VertexId) -> R<'p, ()> {
        let made = |conjunct: &Conjunct<'p>| match &conjunct.elem {
            Elem::Expr(Expr::List(lit)) => lit.elements.iter().any(|one| matches!(one, Element::Comprehension(_))),
            _ => false,
        };
        // The clauses of a list may come back to it after it was begun.
        if self.vertices[arc].node.running > 0 || self.vertices[arc].conjuncts.iter().any(made) {
            self.doubt(Weight::Always, arc, "a required field that is missing asks for itself");
        }
        self.nested(|e| {
            e.init(arc)?;
            e.run_tasks(arc)
        })?;
        let target = self.deref(arc);
        if target != arc && (self.vertices[target].status == Status::Evaluating || self.has_depth_cycle(target)) {
            self.doubt(Weight::Always, arc, "a required field that is missing is used within its own value");
        }
        Ok(())
    }

    /// A comprehension that makes no field of its own is not yet decided. Where a clause calls a function whose argument
    /// is not known, that is an error for CUE in some of these; where it uses a value made on the spot, in the final look.
    pub(super) fn doubt_without_fields(&mut self, v: VertexId, comprehension: &Comprehension) {
        if comprehension.value.decls.iter().any(|decl| matches!(decl, Decl::Field { .. })) {
            return;
        }
        let weight = comprehension.clauses.iter().filter_map(|clause| match clause {
            Clause::For { source: Expr::Call(..), .. } => Some(Weight::Always),
            Clause::For { source, .. } | Clause::If(source) if !is_reference(source) => Some(Weight::Last),
            _ => None,
        });
        if let Some(weight) = weight.max() {
            self.doubt(weight, v, "a comprehension without fields is not decided");
        }
    }

    /// A comprehension has made nothing. For CUE a field that it would have made with fields of its own is a struct to the
    /// validators of that field all the same, and to who asks for a part of it.
    pub(super) fn note_unmade(&mut self, v: VertexId, comprehension: &'p Comprehension) {
        self.note_unmade_decls(v, &comprehension.value.decls);
    }

    fn note_unmade_decls(&mut self, v: VertexId, decls: &'p [Decl]) {
        for decl in decls {
            match decl {
                Decl::Field { label, value: Expr::Struct(lit), .. } => self.unmade.push((v, *label, &lit.decls)),
                Decl::Comprehension(inner) => self.note_unmade_decls(v, &inner.value.decls),
                _ => {}
            }
        }
    }

    /// Looks for such validators when all is known.
    pub(super) fn doubt_unmade(&mut self) {
        if self.itself != NO_VERTEX && !self.unmade.is_empty() {
            self.doubt(Weight::Always, self.itself, "a field of a definition is itself");
        }
        while let Some((v, label, decls)) = self.unmade.pop() {
            let Some(arc) = self.find_arc(self.deref(v), label) else { continue };
            if self.vertices[arc].arc > ArcType::Required {
                continue;
            }
            self.note_unmade_decls(arc, decls);
            let named = |decl: &Decl| matches!(decl, Decl::Field { label, .. } if self.names.is_regular(*label));
            let w = self.deref(arc);
            let chosen = matches!(&self.vertices[w].base, Base::Value(Value::Disjunction(_)));
            let validated = match &self.vertices[w].base {
                Base::Value(Value::Basic(_) | Value::Bottom(_) | Value::Disjunction(_)) => false,
                Base::Value(value) => !value.is_concrete(),
                _ => false,
            };
            if ((validated || chosen) && decls.iter().any(named)) || self.parts_asked.contains(&w) {
                self.doubt(Weight::Always, arc, "a comprehension that makes nothing would have made a struct of it");
            }
        }
    }

    /// CUE goes on with the text before a cycle, where it comes back to it by another name.
    pub(super) fn doubt_cyclic_text(&mut self, error: &Bottom<'p>) {
        if error.code == Code::Cycle || (self.own_alias && error.is_incomplete()) {
            self.doubt(Weight::Always, self.at, "a text is used to make itself");
        }
    }

    /// The clauses of a comprehension read a choice that the comprehension may add to: CUE reads it before it is made.
    pub(super) fn doubt_own_choice(&mut self, v: VertexId, arc: VertexId, label: Label) {
        let w = self.deref(arc);
        let other = self.vertices[w].label.filter(|_| self.vertices[w].parent == v);
        let own = |kind: &TaskKind<'p>| match kind {
            TaskKind::Comprehension(comprehension) => {
                let named = |decl: &Decl| match decl {
                    Decl::Field { label: field, .. } => *field == label || Some(*field) == other,
                    _ => false,
                };
                comprehension.value.decls.iter().any(named)
            }
            _ => false,
        };
        let choice = self.vertices[arc].node.has_disjunction || self.vertices[w].node.has_disjunction;
        if choice && self.tasks_of(v).iter().any(|task| task.state == State::Running && own(&task.kind)) {
            self.doubt(Weight::Always, arc, "a comprehension reads a choice that it may add to");
        }
    }

    /// A list that is not known yet is a list already, which few operators take.
    pub(super) fn doubt_list_operand<T>(&mut self, expr: &Expr, op: Option<Op>, result: R<'p, T>) -> R<'p, T> {
        if let Expr::List(_) | Expr::Slice(..) = expr {
            let compares = matches!(op, Some(Op::Equal | Op::NotEqual));
            let unsure = match &result {
                Err(Stop::Error(error)) => {
                    let known = compares && !self.is_conditional(self.at);
                    error.code == Code::Cycle || (error.is_incomplete() && !known)
                }
                // No operator but a comparison takes a list: what it finds first is told.
                Ok(_) => op.is_some() && !compares,
                Err(_) => false,
            };
            if unsure {
                self.doubt(Weight::Always, self.at, "an operator or a condition uses a list that is not known");
            }
        }
        if let (Expr::Struct(_), None, Err(Stop::Error(error))) = (expr, op, &result)
            && error.is_incomplete()
        {
            // `"\({if missing {…}})"`: to CUE that is an empty text, and a condition that does not hold.
            self.doubt(Weight::Always, self.at, "a text or a condition uses a struct that is not known");
        }
        result
    }

    /// An optional field is selected from a struct within an expression: CUE goes on with what surrounds it.
    pub(super) fn doubt_inline_subject<T>(&mut self, subject: &Expr, result: R<'p, T>) -> R<'p, T> {
        if let (Expr::Struct(_), Err(Stop::Error(error))) = (subject, &result)
            && is_of_optional(error)
        {
            self.doubt(Weight::Always, self.at, "an optional field of a struct within an expression is used");
        }
        result
    }

    /// A part of a value within an expression was used as soon as it was known: the rest of it may yet be an error.
    pub(super) fn note_early_part(&mut self, v: VertexId) {
        let is_let = self.vertices[v].label.is_some_and(|label| self.names.kind(label) == LabelKind::Let);
        // `let q = missing & (2 > 1)` in a condition.
        if self.vertices[v].is_dynamic || (is_let && self.is_conditional(self.at)) {
            self.early_parts.push(v);
        }
    }

    pub(super) fn doubt_early_parts(&mut self) -> R<'p, ()> {
        while let Some(v) = self.early_parts.pop() {
            self.finalize(v)?;
            if self.own_error(v).is_some() {
                self.doubt(Weight::Always, v, "a value was used, and then found to be an error");
            }
        }
        Ok(())
    }

    /// Something is selected from an optional field: whether CUE takes that for a cycle depends on who asks first.
    pub(super) fn doubt_optional_subject<T>(&mut self, result: R<'p, T>) -> R<'p, T> {
        if let Err(Stop::Error(error)) = &result
            && is_of_optional(error)
        {
            self.doubt(Weight::Last, self.at, "something is selected from an optional field");
        }
        result
    }

    /// A comprehension has added a pattern. Where that refers to what the comprehension makes beside it, CUE works on the
    /// optional fields that it matches, and an error there is one of the policy.
    pub(super) fn doubt_patterned(&mut self) -> R<'p, ()> {
        while let Some(v) = self.patterned.pop() {
            for arc in self.arcs_of(self.deref(v)) {
                if self.vertices[arc].arc == ArcType::Optional && self.has_error_within(arc)? {
                    self.doubt(
                        Weight::Always,
                        arc,
                        "an optional field has an error with the pattern of a comprehension",
                    );
                }
            }
        }
        Ok(())
    }

    /// The same of patterns in a field that the comprehension makes.
    pub(super) fn note_patterned_fields(&mut self, v: VertexId, comprehension: &Comprehension) {
        for decl in &comprehension.value.decls {
            if let Decl::Field { label, value: Expr::Struct(lit), .. } = decl
                && lit.decls.iter().any(|decl| matches!(decl, Decl::Pattern { .. }))
                && let Some(arc) = self.find_arc(v, *label)
            {
                self.patterned.push(arc);
            }
        }
    }

    /// A field without a value is asked for, beside a comprehension that is not decided: to CUE the field may have changed
    /// after it was looked at.
    pub(super) fn doubt_unknown_beside_condition(&mut self, operand: &'p Expr, env: EnvId) -> R<'p, ()> {
        if !is_reference(operand) {
            return Ok(());
        }
        let Resolved::Vertex(v) = self.resolve(operand, env)? else { return Ok(()) };
        let mut at = self.vertices[v].parent;
        while at != NO_VERTEX && at != self.at {
            let is_part = at == self.vertices[v].parent || self.vertices[at].parent != NO_VERTEX;
            let is_undecided = |task: &Task<'p>| task.state != State::Done || !self.is_around(at);
            if is_part && self.undecided(at).any(is_undecided) {
                self.doubt(Weight::Always, v, "a field without a value is asked for beside a condition");
            }
            at = self.vertices[at].parent;
        }
        Ok(())
    }

    /// The comprehensions of a struct without an answer.
    fn undecided(&self, v: VertexId) -> impl Iterator<Item = &Task<'p>> {
        let failed = self.vertices[v].node.errors.as_ref().is_some_and(|error| error.is_incomplete());
        let tasks = self.tasks_of(v).iter();
        tasks.filter(move |t| matches!(t.kind, TaskKind::Comprehension(_)) && (failed || t.state != State::Done))
    }

    /// A part of `w` is used, by what refers to it as `v`.
    pub(super) fn note_subject_use(&mut self, subject: &Expr, v: VertexId, w: VertexId) {
        self.note_conditional_subject(subject, v, w);
        self.own_alias |= v != w && self.has_ancestor(self.at, w);
        if is_of_let(subject) && (self.at == w || self.has_ancestor(self.at, w)) {
            self.early_let = true;
        }
    }

    /// A part is used of what has conditions. Where one of these turns out to have no answer, CUE tells its error where
    /// the policy itself asks by another name or in a condition, and may find a cycle in the final look otherwise.
    fn note_conditional_subject(&mut self, subject: &Expr, v: VertexId, w: VertexId) {
        let conditional = |task: &Task<'p>| matches!(task.kind, TaskKind::Comprehension(_));
        if !self.tasks_of(w).iter().any(conditional) {
            return;
        }
        let decides = self.clauses_running > 0 && self.question.is_none();
        let told = self.root_task && (v != w || is_of_let(subject) || decides);
        let weight = if told { Weight::Always } else { Weight::Last };
        let known = self.conditional_subjects.entry(w).or_insert(weight);
        *known = weight.max(*known);
    }

    pub(super) fn doubt_conditional_subjects(&mut self) {
        for (v, weight) in std::mem::take(&mut self.conditional_subjects) {
            if self.vertices[v].node.errors.as_ref().is_some_and(|error| error.is_incomplete()) {
                self.doubt(weight, v, "a part is used of what has a condition without an answer");
            }
        }
    }

    /// The name of a field of the policy is that of alternatives of which some are not known, which CUE may count, or of
    /// what a condition without an answer may make, which CUE may wait for.
    pub(super) fn doubt_chosen_name(&mut self, key: &'p Expr, env: EnvId) -> R<'p, ()> {
        let parts = match key {
            Expr::Interpolation { parts, .. } => parts.as_slice(),
            key => std::slice::from_ref(key),
        };
        for part in parts.iter().filter(|part| is_reference(part)) {
            let Ok(Resolved::Vertex(v)) = self.resolve(part, env) else { continue };
            let node = &self.vertices[v].node;
            if node.has_disjunction && node.unknown_alternative {
                self.doubt(Weight::Always, v, "the name of a field is that of alternatives that are not known");
            }
            let (parent, label) = (self.vertices[v].parent, self.vertices[v].label);
            if parent != NO_VERTEX && self.undecided(parent).any(|task| task.may_add(label)) {
                self.doubt(
                    Weight::Always,
                    v,
                    "the name of a field is that of what a condition without an answer may make",
                );
            }
        }
        Ok(())
    }

    /// Alternatives that differ in their patterns only may be one for CUE, which then looks for its required fields.
    pub(super) fn doubt_patterned_alternative(&mut self, a: VertexId, b: VertexId) -> R<'p, ()> {
        let differ = self.vertices[a].patterns.len() != self.vertices[b].patterns.len();
        let structs = [a, b].iter().all(|v| matches!(self.vertices[*v].base, Base::Struct));
        if differ && structs && self.equal_data(&Value::Vertex(a), &Value::Vertex(b))? {
            self.doubt(Weight::Last, a, "alternatives differ in their patterns only");
        }
        Ok(())
    }

    /// `list.Contains` as a validator compares with what is no plain value: CUE unifies the two, and may close them.
    pub(super) fn doubt_contained(&mut self, validator: &Validator<'p>) {
        let Function::Package(builtin) = validator.function else { return };
        let contains = builtin.package == "list" && builtin.name == "Contains";
        if contains && !validator.args.iter().all(|value| self.is_plain(value)) {
            self.doubt(Weight::Always, self.at, "a list is to contain what is not concrete");
        }
    }

    fn is_plain(&self, value: &Value<'p>) -> bool {
        let Value::Vertex(v) = value else { return value.is_concrete() };
        let vertex = &self.vertices[self.deref(*v)];
        let open = !vertex.closed_once && !vertex.closed_recursive && vertex.patterns.is_empty();
        let made = matches!(vertex.base, Base::Struct | Base::List { .. });
        open && made
            // The others are plain values of a document.
            && vertex.arcs.made().all(|arc| {
                self.count(1);
                self.vertices[arc].arc == ArcType::Member && self.is_plain(&self.value_of(arc))
            })
    }

    /// What is asked of a field of a closed struct is not known: CUE may refuse what is in the field.
    pub(super) fn doubt_unknown_call(&mut self, v: VertexId, task: &Task<'p>, error: &Bottom<'p>) {
        let vertex = &self.vertices[v];
        let within = vertex.closed_recursive && !vertex.arcs.is_empty();
        if within && error.is_incomplete() && matches!(task.kind, TaskKind::Expr(Expr::Call(..))) {
            self.doubt(Weight::Always, v, "a call beside the fields of a closed struct is not known");
        }
    }

    /// A `let` names a field that stands for another: what CUE finds there depends on how far the other is. Of a field of
    /// the policy itself that matters only in some places.
    pub(super) fn doubt_lets(&mut self) {
        while let Some(v) = self.named_by_lets.pop() {
            let of_policy = self.vertices[self.vertices[v].parent].parent == NO_VERTEX;
            let early = self.early_let || !of_policy;
            if early && !self.vertices[v].is_let && self.deref_shared(v) != v {
                self.doubt(Weight::Always, v, "a let names what stands for another field");
            }
        }
    }

    /// A `let` is used: in a question or a condition, in a list that a function takes, or for the name of a field.
    pub(super) fn note_let_use(&mut self) {
        let naming = |task: &Task<'p>| task.state == State::Running && matches!(task.kind, TaskKind::Dynamic(_));
        self.early_let |= self.question.is_some()
            || self.in_clause
            || (self.in_call && self.vertices[self.at].is_dynamic)
            || self.tasks_of(self.at).iter().any(naming);
    }

    /// The same, of what it leads to: a list that may get more.
    pub(super) fn note_let_range(&mut self, source: &Expr, v: VertexId) {
        let closed = matches!(self.vertices[v].base, Base::List { open: false });
        self.early_let |= is_of_let(source) && !closed;
    }

    /// Alternatives that are under way, or that something beside them keeps incomplete, are selected from: for CUE the
    /// default may be what they are, and no struct.
    pub(super) fn doubt_chosen_subject(&mut self, v: VertexId) {
        let node = &self.vertices[v].node;
        let plain = |kind: Kind| !kind.without(Kind::STRUCT | Kind::LIST).is_bottom();
        let may_be_plain = match &*node.disjuncts {
            [] => plain(node.kind),
            some => some.iter().any(|one| plain(self.vertex_kind(*one))),
        };
        if node.has_disjunction && may_be_plain {
            self.doubt(Weight::Always, v, "a part of alternatives that are not known is used");
        }
    }

    /// A plain value that is under way is selected from: CUE may still hold it for a struct, or not.
    pub(super) fn doubt_plain_subject(&mut self, v: VertexId) {
        let node = &self.vertices[v].node;
        let unfinished = node.running > 0 || self.tasks_of(v).iter().any(|task| task.state != State::Done);
        if unfinished && node.scalar.is_some() && !self.vertex_kind(v).meets(Kind::STRUCT) {
            self.doubt(Weight::Always, v, "something is selected from a plain value that is being made");
        }
    }
}

/// Whether a reference goes through a `let`.
fn is_of_let(expr: &Expr) -> bool {
    match expr {
        Expr::Let { .. } => true,
        Expr::Selector(subject, _) | Expr::Index(subject, _) => is_of_let(subject),
        _ => false,
    }
}

/// Whether the error is that an optional field has no value.
pub(super) fn is_of_optional(error: &Bottom<'_>) -> bool {
    error.messages.iter().any(|message| {
        let first = message.pieces.first();
        matches!(first, Some(Piece::Text(text)) if text.starts_with("cannot reference optional"))
    })
}

/// Whether a computed name may come out as this one: `"cve-\(id)"` is never `predicate`.
fn may_be_named(key: &Expr, name: &str) -> bool {
    let Expr::Interpolation { bytes: false, parts } = key else { return true };
    let begins = |part: Option<&Expr>| !matches!(part, Some(Expr::String(text)) if !name.starts_with(&**text));
    let ends = |part: Option<&Expr>| !matches!(part, Some(Expr::String(text)) if !name.ends_with(&**text));
    begins(parts.first()) && ends(parts.last())
}
