//! `for`, `if` and `let` before a struct (`comprehension.go`).

use std::rc::Rc;

use super::doubt::{Seen, Weight};
use super::error::{Code, Piece, R};
use super::few::Few;
use super::tasks::{Task, TaskKind};
use super::types::{Base, CloseInfo, Conjunct, Elem, EnvId, NO_VERTEX, Status, Value, Vertex, VertexId};
use super::{Eval, address};
use crate::expr::{ArcType, Clause, Comprehension, Decl};
use crate::kind::Kind;
use crate::label::Label;

impl<'p> Eval<'p> {
    /// The fields that it may make have their place now.
    pub(super) fn insert_comprehension(
        &mut self,
        v: VertexId,
        env: EnvId,
        comprehension: &'p Comprehension,
        close: CloseInfo,
    ) -> R<'p, ()> {
        for decl in &comprehension.value.decls {
            if let Decl::Field { label, .. } = decl {
                self.get_arc(v, *label, ArcType::Pending)?;
            }
        }
        self.vertices[v].node.has_structs = true;
        let task = Task::new(TaskKind::Comprehension(comprehension), env, close.optional());
        self.vertices[v].node.tasks.push(task);
        Ok(())
    }

    pub(super) fn perform_comprehension(
        &mut self,
        v: VertexId,
        env: EnvId,
        comprehension: &'p Comprehension,
        close: CloseInfo,
    ) -> R<'p, ()> {
        let open = super::doubt::has_let(comprehension)
            || comprehension.value.decls.is_empty()
            || comprehension
                .value
                .decls
                .iter()
                .any(|decl| matches!(decl, Decl::Pattern { .. } | Decl::Dynamic { .. } | Decl::Ellipsis));
        let nests = comprehension.value.decls.iter().any(|decl| matches!(decl, Decl::Comprehension(_)));
        let nests = nests || self.nested_comprehension;
        let outer = std::mem::replace(&mut self.nested_comprehension, nests);
        let open = open || self.open_comprehension;
        let saved = std::mem::replace(&mut self.open_comprehension, open);
        let read = std::mem::replace(&mut self.own_read, NO_VERTEX);
        let within = self.clauses_within;
        if self.vertices[v].label.is_some_and(|label| !self.names.is_regular(label)) {
            self.clauses_within = v;
        }
        let making = self.making(v, comprehension);
        let finished = self.finish_before(making);
        let making = self.making.replace(making);
        self.clauses_running = self.clauses_running.saturating_add(1);
        let envs = finished.and_then(|()| self.yields(comprehension, env));
        self.clauses_running = self.clauses_running.saturating_sub(1);
        self.making = making;
        self.clauses_within = within;
        match envs {
            Ok(_) => self.doubt_own_read(Weight::Always),
            Err(_) if self.force => {
                self.doubt_own_read(self.weight_of_own_read(comprehension));
                self.doubt_without_fields(v, comprehension);
            }
            Err(_) => {}
        }
        if self.own_read == NO_VERTEX {
            self.own_read = read;
        }
        self.open_comprehension = saved;
        self.nested_comprehension = outer;
        let envs = envs?;
        if envs.is_empty() {
            self.note_unmade(v, comprehension);
            self.doubt_pattern_of_unmade(v, comprehension)?;
        } else {
            self.doubt_seen_within(v, comprehension);
            self.doubt_made_optional(v, comprehension);
            if comprehension.value.decls.iter().any(|decl| matches!(decl, Decl::Pattern { .. })) {
                self.patterned.push(v);
            }
            self.note_patterned_fields(v, comprehension);
            self.note_made_structs(v, comprehension);
        }
        for env in envs {
            self.spend(1)?;
            self.unshare(v)?;
            self.schedule_struct(v, env, &comprehension.value, close, false)?;
            self.note_made_optionals(v, comprehension);
        }
        Ok(())
    }

    /// The environments in which the value is to be evaluated, one for each result.
    pub(super) fn yields(&mut self, comprehension: &'p Comprehension, env: EnvId) -> R<'p, Vec<EnvId>> {
        let outer = std::mem::replace(&mut self.in_clause, true);
        let envs = self.clause_envs(comprehension, env);
        self.in_clause = outer;
        envs
    }

    fn clause_envs(&mut self, comprehension: &'p Comprehension, env: EnvId) -> R<'p, Vec<EnvId>> {
        let mut envs = vec![env];
        for clause in &comprehension.clauses {
            let mut next = Vec::new();
            for env in envs {
                self.spend(1)?;
                match clause {
                    Clause::If(condition) => {
                        if self.condition(condition, env)? {
                            next.push(env);
                        }
                    }
                    Clause::Let { label, value } => {
                        let scope =
                            self.add_vertex(Vertex { status: Status::Final, is_dynamic: true, ..Vertex::default() })?;
                        let close = self.close;
                        let field = self.add_vertex(Vertex {
                            label: Some(*label),
                            is_dynamic: true,
                            conjuncts: Few::One(Conjunct { env, elem: Elem::Expr(value), close }),
                            ..Vertex::default()
                        })?;
                        self.vertices[scope].arcs.push(field);
                        if !super::early::names_plainly(value) {
                            self.lets_of_clauses.push(field);
                        }
                        next.push(self.add_env(env, scope, None));
                    }
                    Clause::For { key, value, source } => {
                        let source = self.for_source(source, env)?;
                        self.doubt_range_around(comprehension, source);
                        for arc in self.arcs_of(source) {
                            if let Some(label) = self.vertices[arc].label
                                && self.names.is_regular(label)
                                && self.is_member(arc, label)?
                            {
                                next.push(self.iteration(env, arc, label, *key, *value)?);
                            }
                        }
                    }
                }
            }
            envs = next;
        }
        Ok(envs)
    }

    fn is_member(&mut self, arc: VertexId, label: Label) -> R<'p, bool> {
        match self.vertices[arc].arc {
            ArcType::Member => Ok(true),
            ArcType::Required => {
                // CUE goes on with the other fields, and may find errors there.
                self.doubt(Weight::Always, arc, "a comprehension ranges over a required field that is missing");
                let template = "missing required field in for comprehension: {}";
                self.fail(Code::Incomplete, template, vec![label.into()])
            }
            _ => Ok(false),
        }
    }

    fn iteration(
        &mut self,
        env: EnvId,
        arc: VertexId,
        label: Label,
        key: Option<Label>,
        value: Option<Label>,
    ) -> R<'p, EnvId> {
        let parent = self.env(env).vertex;
        let scope = self.add_vertex(Vertex { parent, status: Status::Final, is_dynamic: true, ..Vertex::default() })?;
        if let Some(value) = value {
            let field = Vertex {
                label: Some(value),
                base: Base::Link(arc),
                status: Status::Known,
                is_dynamic: true,
                ..Vertex::default()
            };
            let field = self.add_vertex(field)?;
            self.vertices[scope].arcs.push(field);
        }
        if let Some(key) = key {
            let name = match label.as_index() {
                Some(index) => Value::Number(Rc::new(crate::number::Number::int(index))),
                None => Value::String(self.names.text(label)),
            };
            let field = Vertex {
                label: Some(key),
                base: Base::Value(name),
                status: Status::Final,
                is_dynamic: true,
                ..Vertex::default()
            };
            let field = self.add_vertex(field)?;
            self.vertices[scope].arcs.push(field);
        }
        Ok(self.add_env(env, scope, None))
    }

    fn condition(&mut self, condition: &'p crate::expr::Expr, env: EnvId) -> R<'p, bool> {
        let value = self.plain_value(condition, env);
        let value = self.doubt_list_operand(condition, None, value)?;
        match value {
            Value::Bool(value) => Ok(value),
            value => self.type_error(&value, Kind::BOOL, None),
        }
    }

    /// What a `for` clause ranges over.
    fn for_source(&mut self, source: &'p crate::expr::Expr, env: EnvId) -> R<'p, VertexId> {
        if matches!(source, crate::expr::Expr::Or { .. }) {
            self.doubt(Weight::Always, self.at, "a comprehension ranges over alternatives");
        }
        self.taken_whole = Some(address(source));
        let value = self.evaluate(source, env);
        let value = self.doubt_cycle(value)?;
        if matches!(&value, Value::Disjunction(disjunction) if disjunction.defaults != 1) {
            self.doubt(Weight::Always, self.at, "a comprehension ranges over alternatives");
        }
        let value = self.default_of(value)?;
        let named = || vec![Piece::Source(source)];
        let Value::Vertex(v) = value else {
            let kind = self.kind_of(&value);
            let kinds = kind.to_string();
            let nodes = named().into_iter().chain([kinds.into()]).collect();
            if kind.meets(Kind::STRUCT | Kind::LIST) && !value.is_concrete() {
                return self.fail(Code::Incomplete, "cannot range over {} (incomplete type {})", nodes);
            }
            return self.fail(Code::Eval, "cannot range over {} (found {}, want list or struct)", nodes);
        };
        let v = self.deref(v);
        self.know(v, false)?;
        let v = self.deref(v);
        if self.vertices[v].status < Status::Known && !self.force {
            return self.fail(Code::Incomplete, "cannot range over {} (incomplete)", named());
        }
        let kind = self.vertex_kind(v);
        if kind != Kind::STRUCT && kind != Kind::LIST {
            if let Base::Value(Value::Bottom(bottom)) = &self.vertices[v].base {
                return Err(super::error::Stop::Error(Rc::clone(bottom)));
            }
            let nodes = named().into_iter().chain([kind.to_string().into()]).collect();
            if kind.meets(Kind::STRUCT | Kind::LIST) {
                return self.fail(Code::Incomplete, "cannot range over {} (incomplete type {})", nodes);
            }
            return self.fail(Code::Eval, "cannot range over {} (found {}, want list or struct)", nodes);
        }
        let inline = self.vertices[v].is_dynamic && self.vertices[v].parent == super::types::NO_VERTEX;
        if inline {
            self.ranged.push(v);
            // What its parts read is read by the clause.
            for arc in self.arcs_of(v) {
                Self::caught(self.know(arc, false))?.ok();
                self.doubt_chosen_item(arc);
            }
        }
        self.note_let_range(source, v);
        self.doubt_range_in_alternative(v)?;
        self.mark_seen(v, Seen::Itself);
        self.doubt_own_name(v);
        self.doubt_own_range(v);
        for source in self.vertices[v].node.sources.clone() {
            self.doubt_own_range(source);
        }
        Ok(v)
    }
}
