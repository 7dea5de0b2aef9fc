//! Conjuncts come into a vertex: literals take effect at once, everything else becomes a task (`conjunct.go`).

use std::rc::Rc;

use super::closed::{Flags, NO_FLAGS};
use super::error::{Code, R};
use super::few::Few;
use super::tasks::{Task, TaskKind};
use super::types::{
    Base, Bound, Check, Choice, CloseInfo, Conjunct, CycleType, DefaultMode, Elem, EnvId, Function, Printable, Status,
    Value, VertexId,
};
use super::{Eval, value};
use crate::expr::{ArcType, Decl, Expr, ListLit, Op, StructLit};
use crate::kind::Kind;

impl<'p> Eval<'p> {
    /// Puts the conjuncts of a vertex in, if that has not happened yet.
    pub(super) fn init(&mut self, v: VertexId) -> R<'p, ()> {
        if self.vertices[v].status != Status::New {
            return Ok(());
        }
        self.inherit_closedness(v);
        let parent = self.vertices[v].parent;
        let depth = self.vertices[parent].node.depth.saturating_add(1);
        let vertex = &mut self.vertices[v];
        vertex.status = Status::Evaluating;
        vertex.node.depth = depth;
        for n in 0..self.vertices[v].conjuncts.len() {
            if let Some(close) = self.vertices[v].conjuncts.get(n).map(|c| c.close) {
                self.mark_non_cyclic(v, close);
            }
        }
        let mut n = 0;
        self.located(v, |e| {
            // A conjunct may add others.
            while let Some(conjunct) = e.vertices[v].conjuncts.get(n).cloned() {
                n = n.saturating_add(1);
                e.schedule(v, &conjunct)?;
            }
            Ok(())
        })
    }

    /// A definition is closed, and so is all that is in it; also before its conjuncts are in.
    fn inherit_closedness(&mut self, v: VertexId) {
        let vertex = &self.vertices[v];
        let definition = vertex.label.is_some_and(|l| self.names.kind(l).is_definition());
        if definition || self.vertices[vertex.parent].closed_recursive {
            self.vertices[v].closed_recursive = true;
        }
    }

    /// Puts one conjunct in.
    pub(super) fn schedule(&mut self, v: VertexId, conjunct: &Conjunct<'p>) -> R<'p, ()> {
        self.spend(1)?;
        let Conjunct { env, elem, close } = conjunct;
        let (env, close) = (*env, *close);
        if close.from_def {
            self.vertices[v].closed_recursive = true;
        }
        self.mark_non_cyclic(v, close);
        match elem {
            Elem::Value(Value::Vertex(arc)) => self.schedule_vertex(v, conjunct, *arc, close),
            Elem::Value(value) => self.insert_value(v, value.clone(), close),
            Elem::Struct(lit) => {
                self.unshare(v)?;
                self.schedule_struct(v, env, lit, close, true)
            }
            Elem::List(lit) => self.schedule_list(v, env, lit, close),
            Elem::Or(values) => {
                let alternatives =
                    values.iter().map(|value| (Elem::Value(value.clone()), DefaultMode::Maybe)).collect();
                self.schedule_choice(v, env, alternatives, close)
            }
            Elem::Expr(expr) => self.schedule_expr(v, env, expr, close),
        }
    }

    fn schedule_expr(&mut self, v: VertexId, env: EnvId, expr: &'p Expr, close: CloseInfo) -> R<'p, ()> {
        match expr {
            Expr::And(left, right) => {
                self.schedule(v, &Conjunct { env, elem: Elem::Expr(left), close })?;
                self.schedule(v, &Conjunct { env, elem: Elem::Expr(right), close })
            }
            Expr::Struct(lit) => {
                self.unshare(v)?;
                self.schedule_struct(v, env, lit, close, true)
            }
            Expr::List(lit) => self.schedule_list(v, env, lit, close),
            Expr::Or { has_defaults, values } => {
                let mode = |marked: bool| match (has_defaults, marked) {
                    (false, _) => DefaultMode::Maybe,
                    (true, true) => DefaultMode::Is,
                    (true, false) => DefaultMode::Not,
                };
                let alternatives = values.iter().map(|(expr, marked)| (Elem::Expr(expr), mode(*marked))).collect();
                self.schedule_choice(v, env, alternatives, close)
            }
            Expr::Field { .. }
            | Expr::Let { .. }
            | Expr::Value { .. }
            | Expr::Dynamic { .. }
            | Expr::Selector(..)
            | Expr::Index(..) => {
                self.add_task(v, TaskKind::Resolve(expr), env, close);
                Ok(())
            }
            Expr::Binary(..)
            | Expr::Unary(..)
            | Expr::Call(..)
            | Expr::Interpolation { .. }
            | Expr::Slice(..)
            | Expr::Bound(..)
            | Expr::LabelName { .. } => {
                self.unshare(v)?;
                let node = &mut self.vertices[v].node;
                if close.cycle == CycleType::Cyclic && !node.has_non_cycle && !node.has_non_cyclic {
                    node.has_ancestor_cycle = true;
                    node.cyclic.push((Conjunct { env, elem: Elem::Expr(expr), close }, None));
                    return Ok(());
                }
                self.add_task(v, TaskKind::Expr(expr), env, close);
                Ok(())
            }
            _ => match value::literal(expr) {
                Some(value) => self.insert_value(v, value, close),
                None => Ok(()),
            },
        }
    }

    fn add_task(&mut self, v: VertexId, kind: TaskKind<'p>, env: EnvId, close: CloseInfo) {
        self.vertices[v].node.tasks.push(Task::new(kind, env, close));
    }

    fn schedule_choice(
        &mut self,
        v: VertexId,
        env: EnvId,
        alternatives: Vec<(Elem<'p>, DefaultMode)>,
        close: CloseInfo,
    ) -> R<'p, ()> {
        self.unshare(v)?;
        self.update_info(v, Kind::TOP, close, NO_FLAGS);
        let node = &mut self.vertices[v].node;
        node.has_disjunction = true;
        node.choices.push(Choice { env, close: close.optional(), alternatives });
        Ok(())
    }

    fn schedule_list(&mut self, v: VertexId, env: EnvId, lit: &'p ListLit, close: CloseInfo) -> R<'p, ()> {
        self.unshare(v)?;
        self.update_cyclic_status(v, close)?;
        let env = self.add_env(env, v, None);
        self.update_kind(v, Kind::LIST, Elem::List(lit), close);
        self.add_task(v, TaskKind::List(lit), env, close);
        Ok(())
    }

    /// Puts a struct in. `split`: it is not what a comprehension yields.
    pub(super) fn schedule_struct(
        &mut self,
        v: VertexId,
        env: EnvId,
        lit: &'p StructLit,
        close: CloseInfo,
        split: bool,
    ) -> R<'p, ()> {
        self.update_cyclic_status(v, close)?;
        self.update_info(v, Kind::STRUCT, close, Flags { structure: true, ..NO_FLAGS });
        let child = self.add_env(env, v, None);
        let node = &mut self.vertices[v].node;
        // What a comprehension yields is not what makes it a struct.
        let before = if split { None } else { node.a_struct.clone() };
        node.has_struct = true;
        node.has_structs = true;
        self.vertices[v].arcs.reserve(lit.decls.len());
        let close = if lit.has_embedding && split { self.split_struct(v, close, lit.is_file) } else { close };
        if close.data {
            self.vertices[v].node.a_struct = Some((Elem::Struct(lit), close));
            return self.insert_members(v, child, lit, Self::sub_field(close));
        }
        let mut ellipsis = false;
        for decl in &lit.decls {
            self.schedule_decl(v, child, lit, decl, close)?;
            ellipsis |= matches!(decl, Decl::Ellipsis);
        }
        if ellipsis {
            self.vertices[v].has_ellipsis = true;
            self.update_info(v, Kind::TOP, close, Flags { ellipsis: true, ..NO_FLAGS });
        }
        if !lit.has_embedding {
            self.vertices[v].node.a_struct = Some((Elem::Struct(lit), close));
        }
        if before.is_some() {
            self.vertices[v].node.a_struct = before;
        }
        Ok(())
    }

    fn schedule_decl(
        &mut self,
        v: VertexId,
        env: EnvId,
        lit: &'p StructLit,
        decl: &'p Decl,
        close: CloseInfo,
    ) -> R<'p, ()> {
        let sub = Self::sub_field(close);
        match decl {
            Decl::Field { label, arc, value } => {
                if *arc == ArcType::Member && self.names.is_regular(*label) {
                    self.vertices[v].node.a_struct = Some((Elem::Struct(lit), close));
                }
                let sub = if *arc == ArcType::Optional { sub.optional() } else { sub };
                let conjunct = Conjunct { env, elem: Elem::Expr(value), close: sub };
                self.insert_arc(v, *label, *arc, conjunct)?;
            }
            Decl::Let { label, value, .. } => {
                let conjunct = Conjunct { env, elem: Elem::Expr(value), close: sub };
                self.insert_arc(v, *label, ArcType::Member, conjunct)?;
            }
            Decl::Comprehension(comprehension) => {
                let close = self.inject_embedding(v, close, true);
                self.insert_comprehension(v, env, comprehension, close)?;
            }
            Decl::Ellipsis => {}
            Decl::Dynamic { arc, .. } => {
                if *arc == ArcType::Member {
                    self.vertices[v].node.a_struct = Some((Elem::Struct(lit), close));
                }
                self.add_task(v, TaskKind::Dynamic(decl), env, sub);
            }
            Decl::Pattern { .. } => self.add_task(v, TaskKind::Pattern(decl), env, sub.optional()),
            Decl::Embed(expr) => {
                let tracked = !matches!(expr, Expr::Binary(..));
                let close = self.inject_embedding(v, close, tracked);
                self.schedule(v, &Conjunct { env, elem: Elem::Expr(expr), close })?;
            }
        }
        Ok(())
    }

    /// Puts the conjuncts of another vertex in: what a reference means.
    pub(super) fn schedule_vertex(
        &mut self,
        v: VertexId,
        conjunct: &Conjunct<'p>,
        arc: VertexId,
        close: CloseInfo,
    ) -> R<'p, ()> {
        let mut close = close;
        // What is looked through below grows with each vertex that comes in.
        self.spend(u64::try_from(self.vertices[v].node.req_defs.len()).unwrap_or(u64::MAX))?;
        self.inherit_closedness(arc);
        if !self.vertices[arc].closed_recursive && !self.vertices[arc].closed_once && close.embed != 0 {
            close.from_def = false;
        }
        if self.deref_disjunct(v) == self.deref_disjunct(arc) {
            self.doubt_self_choice(v);
            return Ok(());
        }
        self.doubt_unfinished_part(v, arc);
        if self.share(v, conjunct, arc, close) {
            return self.init(arc);
        }
        let arc_def = self.vertices[arc].label.is_some_and(|l| self.names.kind(l).is_definition());
        let is_def = matches!(&conjunct.elem, Elem::Expr(expr) if self.refers_to_definition(expr));
        if is_def || arc_def {
            self.vertices[v].node.is_def = true;
            close.from_def = true;
            close = self.add_resolver(v, arc, close, false);
        } else {
            close = self.add_resolver(v, arc, close, true);
        }
        if self.vertices[v].node.sources.contains(&arc) {
            return Ok(());
        }
        self.vertices[v].node.sources.push(arc);
        self.init(arc)?;
        if !self.is_settled(arc) {
            self.vertices[arc].node.notify.push((v, close));
        }
        if self.vertices[arc].conjuncts.is_empty() {
            return self.schedule_data_vertex(v, arc, close);
        }
        let mut n = 0;
        while let Some(conjunct) = self.vertices[arc].conjuncts.get(n).cloned() {
            n = n.saturating_add(1);
            self.vertices[v].closed_recursive |= conjunct.close.from_def;
            // What is known of cycles belongs to the way here.
            let close = CloseInfo { data: conjunct.close.data, ..close };
            self.schedule(v, &Conjunct { close, ..conjunct })?;
        }
        Ok(())
    }

    /// A vertex that was computed: its value counts.
    fn schedule_data_vertex(&mut self, v: VertexId, arc: VertexId, close: CloseInfo) -> R<'p, ()> {
        match self.vertices[arc].base.clone() {
            Base::Value(value) => self.insert_value(v, value, close),
            Base::Link(target) => {
                let conjunct = Conjunct { env: super::types::NO_ENV, elem: Elem::Value(Value::Vertex(target)), close };
                self.schedule_vertex(v, &conjunct, target, close)
            }
            Base::None => Ok(()),
            Base::Struct => {
                self.unshare(v)?;
                self.vertices[v].node.a_struct = Some((Elem::Value(Value::Vertex(arc)), close));
                self.vertices[v].node.has_structs = true;
                for field in self.arcs_of(arc) {
                    let (Some(label), arc_type) = (self.vertices[field].label, self.vertices[field].arc) else {
                        continue;
                    };
                    if arc_type == ArcType::Member {
                        let elem = Elem::Value(Value::Vertex(field));
                        self.insert_arc(v, label, arc_type, Conjunct { env: super::types::NO_ENV, elem, close })?;
                    }
                }
                Ok(())
            }
            Base::List { .. } => {
                self.unshare(v)?;
                self.update_cyclic_status(v, close)?;
                self.add_task(v, TaskKind::ListVertex(arc), super::types::NO_ENV, close);
                Ok(())
            }
        }
    }

    /// Whether the way of a reference goes through a definition.
    pub(super) fn refers_to_definition(&self, expr: &Expr) -> bool {
        match expr {
            Expr::Field { label, .. } => self.names.kind(*label).is_definition(),
            Expr::Selector(subject, label) => {
                self.names.kind(*label).is_definition() || self.refers_to_definition(subject)
            }
            Expr::Index(subject, _) => self.refers_to_definition(subject),
            _ => false,
        }
    }

    /// Puts a value in.
    pub(super) fn insert_value(&mut self, v: VertexId, value: Value<'p>, close: CloseInfo) -> R<'p, ()> {
        self.update_info(v, Kind::TOP, close, NO_FLAGS);
        let value = match value {
            Value::Vertex(arc) => return self.insert_vertex_value(v, arc, close),
            Value::Bottom(bottom) => {
                self.unshare(v)?;
                self.add_error(v, bottom);
                return Ok(());
            }
            value => self.as_validator(value),
        };
        let kind = self.kind_of(&value);
        // A conjunction of what excludes each other is found by its parts.
        let whole = !matches!(value, Value::Conjunction(_));
        if whole && !self.update_kind(v, kind, Elem::Value(value.clone()), close) {
            return Ok(());
        }
        match value {
            Value::Disjunction(disjunction) => {
                self.update_cyclic_status(v, close)?;
                let defaults = disjunction.defaults;
                let mode = |n: usize| match (defaults, n < defaults) {
                    (0, _) => DefaultMode::Maybe,
                    (_, true) => DefaultMode::Is,
                    (_, false) => DefaultMode::Not,
                };
                let values = disjunction.values.iter().enumerate();
                let alternatives = values.map(|(n, value)| (Elem::Value(value.clone()), mode(n))).collect();
                self.schedule_choice(v, super::types::NO_ENV, alternatives, close)
            }
            Value::Conjunction(values) => {
                self.name_conjunction(v, &values, close);
                for value in values.iter() {
                    self.insert_value(v, value.clone(), close)?;
                }
                Ok(())
            }
            Value::Top => {
                self.update_cyclic_status(v, close)?;
                self.vertices[v].node.has_top = true;
                self.update_info(v, Kind::TOP, close, Flags { top: true, ..NO_FLAGS });
                Ok(())
            }
            Value::Basic(kind) => {
                self.unshare(v)?;
                self.update_cyclic_status(v, close)?;
                if kind != Kind::TOP {
                    self.update_info(v, Kind::TOP, close, Flags { top: true, ..NO_FLAGS });
                }
                Ok(())
            }
            Value::Bound(bound) => {
                self.unshare(v)?;
                self.update_cyclic_status(v, close)?;
                self.insert_bound(v, &bound, close)
            }
            Value::Validator(_) => self.insert_validator(v, value, close),
            value => {
                self.doubt_bare_package(&value);
                self.insert_scalar(v, value, close)
            }
        }?;
        self.simplify_range(v, close)
    }

    fn insert_vertex_value(&mut self, v: VertexId, arc: VertexId, close: CloseInfo) -> R<'p, ()> {
        self.vertices[v].closed_once |= self.vertices[arc].closed_once;
        self.vertices[v].closed_recursive |= self.vertices[arc].closed_recursive;
        let closed = self.vertices[arc].closed_once || self.vertices[arc].closed_recursive;
        let close =
            if closed && !self.is_from_disjunction(arc) { self.add_resolver(v, arc, close, false) } else { close };
        self.update_cyclic_status(v, close)?;
        let conjunct = Conjunct { env: super::types::NO_ENV, elem: Elem::Value(Value::Vertex(arc)), close };
        self.schedule_vertex(v, &conjunct, arc, close)
    }

    fn is_from_disjunction(&self, v: VertexId) -> bool {
        let w = self.deref(v);
        matches!(self.vertices[v].base, Base::Value(Value::Disjunction(_))) || self.vertices[w].is_disjunct
    }

    fn insert_bound(&mut self, v: VertexId, bound: &Rc<Bound<'p>>, close: CloseInfo) -> R<'p, ()> {
        let node = &mut self.vertices[v].node;
        let slot = match bound.op {
            Op::Less | Op::LessEqual => &mut node.upper,
            Op::Greater | Op::GreaterEqual => &mut node.lower,
            op => {
                if matches!(op, Op::Equal | Op::NotEqual) {
                    self.update_info(v, Kind::TOP, close, Flags { top: true, open_validator: true, ..NO_FLAGS });
                }
                return self.insert_check_bound(v, bound);
            }
        };
        match slot.take() {
            None => {
                *slot = Some(Rc::clone(bound));
                Ok(())
            }
            Some(known) => {
                self.doubt_required(v);
                let kind = self.vertices[v].node.kind;
                match self.simplify_bounds(kind, bound, &known)? {
                    Some(value) => self.insert_value(v, value, close),
                    None => Ok(()),
                }
            }
        }
    }

    fn insert_check_bound(&mut self, v: VertexId, bound: &Rc<Bound<'p>>) -> R<'p, ()> {
        let checks = std::mem::take(&mut self.vertices[v].node.checks);
        let kind = self.vertices[v].node.kind;
        let mut kept = Few::None;
        let mut known = false;
        for check in checks {
            if let Value::Bound(other) = &check.value {
                match self.simplify_bounds(kind, bound, other)? {
                    Some(Value::Bound(left)) if Rc::ptr_eq(&left, other) => known = true,
                    Some(Value::Bound(left)) if Rc::ptr_eq(&left, bound) => continue,
                    _ => {}
                }
            }
            kept.push(check);
        }
        if !known {
            kept.push(Check { value: Value::Bound(Rc::clone(bound)) });
        }
        self.vertices[v].node.checks = kept;
        Ok(())
    }

    fn insert_validator(&mut self, v: VertexId, value: Value<'p>, close: CloseInfo) -> R<'p, ()> {
        self.unshare(v)?;
        let kind = self.kind_of(&value);
        let Value::Validator(validator) = &value else { return Ok(()) };
        if kind.meets(Kind::LIST | Kind::STRUCT) {
            let open = self.is_non_concrete(validator.function);
            self.update_info(v, Kind::TOP, close, Flags { top: true, open_validator: open, ..NO_FLAGS });
            self.vertices[v].node.has_open_validator |= open;
        }
        for n in 0..self.vertices[v].node.checks.len() {
            let Some(Check { value: Value::Validator(known) }) = self.vertices[v].node.checks.get(n).cloned() else {
                continue;
            };
            if self.same_validator(validator, &known)? {
                return Ok(());
            }
        }
        self.vertices[v].node.checks.push(Check { value: value.clone() });
        if kind == Kind::TOP {
            self.vertices[v].node.has_top = true;
        }
        self.update_kind(v, kind, Elem::Value(value), close);
        Ok(())
    }

    fn insert_scalar(&mut self, v: VertexId, value: Value<'p>, close: CloseInfo) -> R<'p, ()> {
        self.unshare(v)?;
        self.update_cyclic_status(v, close)?;
        match self.vertices[v].node.scalar.clone() {
            None => self.vertices[v].node.scalar = Some(value),
            Some(known) => {
                self.doubt_required(v);
                if !self.scalar_equal(&value, &known) {
                    let (k1, k2) = (self.kind_of(&value), self.kind_of(&known));
                    self.report_conflict(v, Elem::Value(value), Elem::Value(known), k1, k2);
                }
            }
        }
        Ok(())
    }

    /// A lower and an upper bound may leave one value, or none.
    fn simplify_range(&mut self, v: VertexId, close: CloseInfo) -> R<'p, ()> {
        let node = &self.vertices[v].node;
        let (Some(lower), Some(upper)) = (node.lower.clone(), node.upper.clone()) else { return Ok(()) };
        let kind = node.kind;
        if let Some(value) = self.simplify_bounds(kind, &lower, &upper)? {
            let node = &mut self.vertices[v].node;
            node.lower = None;
            node.upper = None;
            self.insert_value(v, value, close)?;
        }
        Ok(())
    }

    /// Narrows the kind of a vertex. False if nothing is left.
    pub(super) fn update_kind(&mut self, v: VertexId, kind: Kind, by: Printable<'p>, close: CloseInfo) -> bool {
        self.update_info(v, kind, close, NO_FLAGS);
        let known = self.vertices[v].node.kind;
        let narrowed = known & kind;
        if known.is_bottom() || kind.is_bottom() {
            return false;
        }
        if narrowed.is_bottom() {
            match self.vertices[v].node.kind_expr.clone() {
                Some(before) => self.report_conflict(v, before, by.clone(), known, kind),
                None => {
                    let error = self.located_error(
                        v,
                        "conflicting value {} (mismatched types {} and {})",
                        vec![by.clone().into(), known.to_string().into(), kind.to_string().into()],
                    );
                    self.add_error(v, error);
                }
            }
        }
        let node = &mut self.vertices[v].node;
        if known != narrowed || node.kind_expr.is_none() {
            node.kind_expr = Some(by);
        }
        node.kind = narrowed;
        !narrowed.is_bottom()
    }

    fn report_conflict(&mut self, v: VertexId, a: Printable<'p>, b: Printable<'p>, k1: Kind, k2: Kind) {
        let error = if k1 == k2 {
            self.located_error(v, "conflicting values {} and {}", vec![a.into(), b.into()])
        } else {
            let kinds = [k1.to_string().into(), k2.to_string().into()];
            let nodes = [a.into(), b.into()].into_iter().chain(kinds).collect();
            self.located_error(v, "conflicting values {} and {} (mismatched types {} and {})", nodes)
        };
        self.add_error(v, error);
    }

    pub(super) fn located_error(
        &self,
        v: VertexId,
        template: &str,
        nodes: Vec<super::error::Piece<'p>>,
    ) -> Rc<super::error::Bottom<'p>> {
        super::error::Bottom::new(Code::Eval, v, super::error::pieces(template, nodes))
    }

    /// Whether a function that takes one value and tells whether it is right is named without a call.
    pub(super) fn is_bare_validator(&self, function: Function) -> bool {
        match function {
            Function::Core(_) => false,
            Function::Package(builtin) => {
                builtin.parameters.len() == 1 && (builtin.result == Kind::BOOL || builtin.result.is_bottom())
            }
        }
    }
}

impl CloseInfo {
    /// From an optional field, a pattern or a disjunction: a cycle here may end.
    pub(super) fn optional(self) -> Self {
        if self.cycle == CycleType::None { Self { cycle: CycleType::Optional, ..self } } else { self }
    }
}
