//! Calls, and validation by functions.

use std::rc::Rc;

use super::doubt::Weight;
use super::error::{Bottom, Code, R, Stop, combine};
use super::members::steps_of;
use super::print::function_name;
use super::reference::{Resolved, is_reference};
use super::types::{
    Base, Conjunct, Disjunction, Elem, EnvId, Function, NO_ENV, Status, Validator, Value, Vertex, VertexId,
};
use super::{Eval, address};
use crate::builtins::{Builtin, BuiltinError, CallContext};
use crate::expr::{ArcType, Core, Expr, Op};
use crate::kind::Kind;

impl<'p> Eval<'p> {
    pub(super) fn call(&mut self, function: &'p Expr, arguments: &'p [Expr], env: EnvId) -> R<'p, Value<'p>> {
        let outer = std::mem::replace(&mut self.in_call, true);
        let result = self.call_value(function, arguments, env);
        self.in_call = outer;
        result
    }

    fn call_value(&mut self, function: &'p Expr, arguments: &'p [Expr], env: EnvId) -> R<'p, Value<'p>> {
        let named = Elem::Expr(function);
        let callee = Self::caught(self.plain_value(function, env))?;
        let target = match &callee {
            Ok(Value::Function(target)) => *target,
            Ok(Value::Validator(validator)) if !validator.called => {
                if self.takes_validator(validator.function, arguments.len()) {
                    let validator = Validator { called: true, ..(**validator).clone() };
                    return Ok(Value::Validator(Rc::new(validator)));
                }
                validator.function
            }
            Ok(Value::Validator(_)) => {
                return self.fail(Code::Eval, "cannot call previously called validator {}", vec![named.into()]);
            }
            Ok(value) => {
                let kind = self.kind_of(value).to_string();
                let nodes = vec![named.into(), kind.into()];
                return self.fail(Code::Eval, "cannot call non-function {} (type {})", nodes);
            }
            Err(error) if error.is_incomplete() && !self.force && !of_package(function) => {
                return Err(Stop::Error(Rc::clone(error)));
            }
            Err(_) => {
                return self.fail(Code::Eval, "cannot call non-function {} (type _|_)", vec![named.into()]);
            }
        };
        if let Function::Core(Core::Error) = target {
            return self.error_call(arguments, env);
        }
        let saved = self.close;
        self.close.from_def = false;
        self.close.from_embed = false;
        let args = self.arguments(target, arguments, env);
        self.close = saved;
        let args = args?;
        if self.takes_validator(target, args.len()) {
            return Ok(Value::Validator(Rc::new(Validator { function: target, args, called: true })));
        }
        self.apply(target, args, false)
    }

    fn parameters(&self, function: Function) -> usize {
        match function {
            Function::Core(core) => match core {
                Core::Len | Core::Close | Core::And | Core::Or | Core::Error => 1,
                Core::Div | Core::Mod | Core::Quo | Core::Rem => 2,
                Core::MatchN => 3,
                Core::MatchIf => 4,
            },
            Function::Package(builtin) => builtin.parameters.len(),
        }
    }

    /// Whether so many arguments make a validator.
    fn takes_validator(&self, function: Function, count: usize) -> bool {
        let boolean = match function {
            Function::Core(core) => matches!(core, Core::MatchN | Core::MatchIf),
            Function::Package(builtin) => {
                let default = builtin.parameters.get(count).is_some_and(|p| p.default.is_some());
                builtin.result.without(Kind::BOOL).is_bottom() && !default
            }
        };
        boolean && count.saturating_add(1) == self.parameters(function)
    }

    fn arguments(&mut self, function: Function, arguments: &'p [Expr], env: EnvId) -> R<'p, Vec<Value<'p>>> {
        let non_concrete = self.is_non_concrete(function) || matches!(function, Function::Core(Core::Or));
        let mut args = Vec::with_capacity(arguments.len());
        let mut failed: Option<Rc<Bottom<'p>>> = None;
        for (n, argument) in arguments.iter().enumerate() {
            let met = self.met_unfinished;
            if self.may_be_composite(function, n) {
                self.taken_whole = Some(address(argument));
            }
            let value = if non_concrete { self.evaluate(argument, env) } else { self.plain_value(argument, env) };
            let value = self.doubt_cycle(value);
            match Self::caught(value)? {
                Ok(value) => {
                    self.doubt_bare_function(&value);
                    args.push(value);
                }
                Err(error) => {
                    if error.is_incomplete()
                        && (met != self.met_unfinished || self.may_be_wrong(function, n, argument, env)?)
                    {
                        self.doubt(Weight::Always, self.at, "an argument of a function is not known");
                    }
                    failed = combine(failed, Some(error));
                }
            }
        }
        match failed {
            Some(error) => Err(Stop::Error(error)),
            None => Ok(args),
        }
    }

    /// Whether a function takes a list or a struct here.
    fn may_be_composite(&self, function: Function, n: usize) -> bool {
        match function {
            Function::Core(core) => matches!(core, Core::Len),
            Function::Package(builtin) => {
                builtin.parameters.get(n).is_some_and(|parameter| parameter.kind.meets(Kind::LIST | Kind::STRUCT))
            }
        }
    }

    /// Whether an argument that has no value has a kind already that is wrong.
    fn may_be_wrong(&mut self, function: Function, n: usize, argument: &'p Expr, env: EnvId) -> R<'p, bool> {
        let Function::Package(builtin) = function else { return Ok(false) };
        let Some(parameter) = builtin.parameters.get(n).filter(|_| is_reference(argument)) else { return Ok(false) };
        let resolved = Self::caught(self.resolve(argument, env))?;
        self.required = None;
        let Ok(Resolved::Vertex(v)) = resolved else { return Ok(false) };
        let kind = self.vertices[self.deref(v)].node.kind;
        Ok(!kind.meets(parameter.kind))
    }

    fn name(function: Function) -> String {
        function_name(function)
    }

    /// Calls a function. `validating`: its first argument is to be validated.
    fn apply(&mut self, function: Function, args: Vec<Value<'p>>, validating: bool) -> R<'p, Value<'p>> {
        let count = self.parameters(function);
        if args.len() > count {
            let name = Self::name(function);
            let template = format!("too many arguments in call to {name} (have {}, want {count})", args.len());
            return self.fail(Code::Eval, &template, vec![]);
        }
        let default = match function {
            Function::Core(_) => false,
            Function::Package(builtin) => builtin.parameters.get(args.len()).is_some_and(|p| p.default.is_some()),
        };
        if args.len() < count && !default {
            let name = Self::name(function);
            let template = format!("not enough arguments in call to {name} (have {}, want {count})", args.len());
            return self.fail(Code::Eval, &template, vec![]);
        }
        match function {
            Function::Core(core) => self.apply_core(core, &args, validating),
            Function::Package(builtin) => self.apply_builtin(builtin, args, validating),
        }
    }

    fn check_kind(&mut self, function: Function, n: usize, value: &Value<'p>, wanted: Kind) -> R<'p, ()> {
        let kind = self.kind_of(value);
        if kind.meets(wanted) {
            return Ok(());
        }
        let place = n.saturating_add(1);
        let function = Self::name(function);
        let template = format!("cannot use {{}} (type {{}}) as {wanted} in argument {place} to {function}");
        self.fail(Code::Eval, &template, vec![value.clone().into(), kind.to_string().into()])
    }

    fn apply_builtin(&mut self, builtin: &'static Builtin, args: Vec<Value<'p>>, validating: bool) -> R<'p, Value<'p>> {
        let name = || Self::name(Function::Package(builtin));
        let mut plain = Vec::with_capacity(builtin.parameters.len());
        let schemas = self.schemas.len();
        let outer = std::mem::replace(&mut self.lossy, false);
        for (n, (parameter, value)) in builtin.parameters.iter().zip(&args).enumerate() {
            if !parameter.schema {
                self.check_kind(Function::Package(builtin), n, value, parameter.kind)?;
            }
        }
        for (n, parameter) in builtin.parameters.iter().enumerate() {
            let Some(value) = args.get(n) else {
                plain.extend(parameter.default.clone());
                continue;
            };
            if parameter.schema {
                self.schemas.push(value.clone());
                plain.push(crate::builtins::Value::Schema(crate::builtins::Schema(
                    self.schemas.len().saturating_sub(1),
                )));
                continue;
            }
            if !value.is_concrete() && !builtin.non_concrete {
                let kind = self.kind_of(value).to_string();
                let template = format!("error in call to {}: non-concrete value {{}}", name());
                return self.fail(Code::Incomplete, &template, vec![kind.into()]);
            }
            let outer = std::mem::replace(&mut self.keeps_origins, true);
            let taken = if builtin.non_concrete { self.open_plain(value) } else { self.plain_of(value) };
            self.keeps_origins = outer;
            plain.push(taken?);
        }
        self.doubt_closed_items(builtin, &plain);
        let result = (builtin.call)(&mut CallContext { host: self, is_validator: validating }, &plain);
        let lossy = std::mem::replace(&mut self.lossy, outer);
        let value = match &result {
            Ok(crate::builtins::Value::List { .. } | crate::builtins::Value::Struct { .. }) if lossy => {
                return Err(Stop::Unsupported(format!("{} of constraints, which it would lose", name())));
            }
            Ok(value) => Some(self.import_plain(value)?),
            Err(_) => None,
        };
        self.schemas.truncate(schemas);
        match result {
            Ok(_) => Ok(value.unwrap_or(Value::Top)),
            Err(BuiltinError::Call(message)) => {
                let template = format!("error in call to {}", name());
                let wrapped =
                    super::error::Message { at: self.at, path: None, pieces: vec![message.into()], wrapped: vec![] };
                Err(Stop::Error(Bottom::wrapping(Code::Eval, self.at, vec![template.into()], vec![Rc::new(wrapped)])))
            }
            Err(BuiltinError::Eval(message)) => {
                Err(Stop::Error(Bottom::new(Code::Eval, self.at, vec![message.into()])))
            }
            Err(BuiltinError::Incomplete(message)) => {
                Err(Stop::Error(Bottom::new(Code::Incomplete, self.at, vec![message.into()])))
            }
            Err(BuiltinError::Invalid(message)) if validating => {
                Err(Stop::Error(Bottom::new(Code::Eval, self.at, vec![message.into()])))
            }
            Err(BuiltinError::Invalid(_)) => Ok(Value::Bool(false)),
            Err(BuiltinError::Unsupported(message)) => Err(Stop::Unsupported(message)),
        }
    }

    /// A list whose elements stay what they are, for functions that take constraints.
    fn open_plain(&mut self, value: &Value<'p>) -> R<'p, crate::builtins::Value> {
        let value = self.default_of(value.clone())?;
        let Value::Vertex(v) = &value else { return self.plain_of(&value) };
        self.finalize_operand(*v)?;
        let w = self.deref(*v);
        let Base::List { open } = self.vertices[w].base else { return self.plain_of(&value) };
        let mut items = Vec::new();
        for arc in self.elements(w) {
            let plain = match self.value_of(arc) {
                value if value.is_concrete() && !matches!(value, Value::Vertex(_)) => self.plain_of(&value)?,
                _ => {
                    self.schemas.push(Value::Vertex(arc));
                    crate::builtins::Value::Schema(crate::builtins::Schema(self.schemas.len().saturating_sub(1)))
                }
            };
            items.push(plain);
        }
        Ok(crate::builtins::Value::List { items, open })
    }

    fn apply_core(&mut self, core: Core, args: &[Value<'p>], validating: bool) -> R<'p, Value<'p>> {
        let wanted = match core {
            Core::Len => Kind::STRING | Kind::BYTES | Kind::LIST | Kind::STRUCT,
            Core::Close => Kind::STRUCT,
            Core::And | Core::Or => Kind::LIST,
            Core::Div | Core::Mod | Core::Quo | Core::Rem => Kind::INT,
            Core::Error | Core::MatchN | Core::MatchIf => Kind::TOP,
        };
        for (n, value) in args.iter().enumerate() {
            self.check_kind(Function::Core(core), n, value, wanted)?;
        }
        match (core, args) {
            (Core::Len, [value]) => self.len(value),
            (Core::Close, [Value::Vertex(v)]) => self.close(*v),
            (Core::Close, _) => self.fail(Code::Eval, "struct argument must be concrete", vec![]),
            (Core::And, [list]) => {
                let items = self.list_items(list)?;
                if items.is_empty() {
                    return Ok(Value::Top);
                }
                for item in &items {
                    self.know(*item, true)?;
                }
                Ok(Value::Conjunction(Rc::new(items.into_iter().map(Value::Vertex).collect())))
            }
            (Core::Or, [list]) => self.or(list),
            (Core::Div | Core::Mod | Core::Quo | Core::Rem, [a, b]) => self.int_division(core, a, b),
            (Core::MatchN | Core::MatchIf, _) if !validating => {
                let template = format!("{} is a validator and should not be used as a function", core.name());
                self.fail(Code::Eval, &template, vec![])
            }
            (Core::MatchN, [value, bound, list]) => self.match_n(value, bound, list),
            (Core::MatchIf, [value, condition, then, otherwise]) => self.match_if(value, condition, then, otherwise),
            _ => self.fail(Code::Eval, "invalid call", vec![]),
        }
    }

    fn int_division(&mut self, core: Core, a: &Value<'p>, b: &Value<'p>) -> R<'p, Value<'p>> {
        let op = match core {
            Core::Div => Op::IntDiv,
            Core::Mod => Op::IntMod,
            Core::Quo => Op::IntQuo,
            _ => Op::IntRem,
        };
        let context = format!("argument to {} builtin", core.name());
        match (a, b) {
            (Value::Number(a), Value::Number(b)) => self.divide(op, a, b),
            (Value::Number(_), value) | (value, _) => self.type_error(value, Kind::NUMBER, Some(&context)),
        }
    }

    fn len(&mut self, value: &Value<'p>) -> R<'p, Value<'p>> {
        let length = match value {
            Value::String(text) => text.len(),
            Value::Bytes(bytes) => bytes.len(),
            Value::Vertex(v) => {
                self.know(*v, false)?;
                let w = self.deref(*v);
                self.doubt_own_name(w);
                if self.vertices[w].status < Status::Known && !self.force {
                    return self.fail(
                        Code::Incomplete,
                        "incomplete argument {} (type {})",
                        vec![value.clone().into(), "struct".into()],
                    );
                }
                match self.vertices[w].base {
                    Base::List { .. } => self.unsorted_elements(w).count(),
                    _ => {
                        let is_field = |a: &VertexId| {
                            self.vertices[*a].arc == ArcType::Member
                                && self.vertices[*a].label.is_some_and(|l| self.names.is_regular(l))
                        };
                        let arcs = &self.vertices[w].arcs;
                        self.count(steps_of(arcs.len()));
                        arcs.made().filter(is_field).count().saturating_add(arcs.unmade())
                    }
                }
            }
            value => {
                let kind = self.kind_of(value);
                if kind.meets(Kind::STRUCT) {
                    self.doubt(Weight::Always, self.at, "a length is asked of what may be a struct");
                }
                let nodes = vec![value.clone().into(), kind.to_string().into()];
                return self.fail(Code::Incomplete, "incomplete argument {} (type {})", nodes);
            }
        };
        let length = u64::try_from(length).unwrap_or(u64::MAX);
        Ok(Value::Number(Rc::new(crate::number::Number::int(length))))
    }

    /// A vertex that is the same, and closed.
    fn close(&mut self, v: VertexId) -> R<'p, Value<'p>> {
        if self.vertices[v].status < Status::Known {
            return Err(Stop::Unsupported("close of a struct that contains the call".to_owned()));
        }
        let conjuncts = self.vertices[v].conjuncts.to_vec();
        let closed = self.inline(conjuncts)?;
        let vertex = &mut self.vertices[closed];
        vertex.base = Base::Link(v);
        vertex.status = Status::Known;
        vertex.closed_once = true;
        Ok(Value::Vertex(closed))
    }

    fn list_items(&mut self, list: &Value<'p>) -> R<'p, Vec<VertexId>> {
        let list = self.default_of(list.clone())?;
        match list {
            Value::Vertex(v) => {
                self.know(v, false)?;
                Ok(self.elements(self.deref(v)))
            }
            value => self.type_error(&value, Kind::LIST, None),
        }
    }

    fn or(&mut self, list: &Value<'p>) -> R<'p, Value<'p>> {
        let items = self.list_items(list)?;
        if items.is_empty() {
            return self.fail(Code::Incomplete, "empty list in call to or", vec![]);
        }
        let values = Rc::new(items.into_iter().map(Value::Vertex).collect());
        let close = self.close;
        let v = self.inline(vec![Conjunct { env: NO_ENV, elem: Elem::Or(values), close }])?;
        self.finalize(v)?;
        self.unwrap(Value::Vertex(v)).map(|value| match value {
            Value::Vertex(_) | Value::Disjunction(_) => Value::Vertex(v),
            value => value,
        })
    }

    /// `error("…")`: always an error, also where its text is not known.
    fn error_call(&mut self, arguments: &'p [Expr], env: EnvId) -> R<'p, Value<'p>> {
        let [argument] = arguments else {
            let template = format!(
                "{} arguments in call to error (have {}, want 1)",
                if arguments.is_empty() { "not enough" } else { "too many" },
                arguments.len()
            );
            return self.fail(Code::Eval, &template, vec![]);
        };
        let (mut pieces, mut failed) = (Vec::new(), None);
        match argument {
            Expr::Interpolation { parts, .. } => {
                for part in parts {
                    match part {
                        Expr::String(text) => pieces.push(text.to_string().into()),
                        part => match Self::caught(self.plain_value(part, env))? {
                            Err(_) => pieces.push(Elem::Expr(part).into()),
                            Ok(Value::String(text)) => pieces.push(text.to_string().into()),
                            Ok(value) => pieces.push(value.into()),
                        },
                    }
                }
            }
            argument => {
                let text = self.evaluate(argument, env).and_then(|value| self.text_of(&value, false));
                match Self::caught(text)? {
                    Ok(text) => pieces.push(String::from_utf8_lossy(&text).into_owned().into()),
                    Err(error) if error.is_incomplete() && !self.force => return Err(Stop::Error(error)),
                    // It is an error all the same, without a text.
                    Err(error) => failed = Some(error),
                }
            }
        }
        Err(Self::either(failed, Some(Bottom::new(Code::User, self.at, pieces))))
    }

    /// Whether a value satisfies a validator; nothing if it does.
    pub(super) fn validate_with(
        &mut self,
        validator: &Validator<'p>,
        value: Value<'p>,
    ) -> R<'p, Option<Rc<Bottom<'p>>>> {
        self.doubt_contained(validator);
        let shown = value.clone();
        self.unmatched = None;
        let args: Vec<Value<'p>> = std::iter::once(value).chain(validator.args.iter().cloned()).collect();
        let failed = match Self::caught(self.apply(validator.function, args, true))? {
            Ok(Value::Bool(true) | Value::Null) => return Ok(None),
            Ok(Value::Bool(false)) => None,
            Ok(_) => {
                let template = format!("invalid validator {}", Self::name(validator.function));
                return Ok(Some(self.error(Code::Eval, &template, vec![])));
            }
            Err(error) => Some(error),
        };
        let mut text = Self::name(validator.function);
        if !self.is_non_concrete(validator.function) && !validator.args.is_empty() {
            let printed: Vec<String> = validator.args.iter().map(|a| self.print(a)).collect();
            text.push_str(&format!("({})", printed.join(", ")));
        }
        let code = failed.as_ref().map_or(Code::Eval, |e| e.code);
        let wrapped = failed.map(|e| e.messages.to_vec()).unwrap_or_default();
        let pieces = super::error::pieces("invalid value {} (does not satisfy {})", vec![shown.into(), text.into()]);
        let error = Bottom::wrapping(code, self.at, pieces, wrapped);
        // Why nothing matched is told, too.
        Ok(combine(Some(error), self.unmatched.take().filter(|unmatched| unmatched.code >= code)))
    }

    /// A copy of a value as plain data: regular fields only, open, defaults taken.
    fn as_data(&mut self, value: &Value<'p>) -> R<'p, Value<'p>> {
        let v = match value {
            Value::Vertex(v) => v,
            Value::Disjunction(disjunction) => return self.choice_as_data(&Rc::clone(disjunction)),
            value => return Ok(value.clone()),
        };
        self.finalize(*v)?;
        let w = self.deref(*v);
        let base = self.vertices[w].base.clone();
        if let Base::Value(value) = base {
            return self.as_data(&value);
        }
        let copy = Vertex { status: Status::Final, is_dynamic: true, detached_checks: true, base, ..Vertex::default() };
        let copy = self.add_vertex(copy)?;
        for arc in self.arcs_of(w) {
            let Some(label) = self.vertices[arc].label else { continue };
            if !self.names.is_regular(label) || self.vertices[arc].arc != ArcType::Member {
                continue;
            }
            let value = self.nested(|e| e.as_data(&Value::Vertex(arc)))?;
            let (field, _) = self.get_arc(copy, label, ArcType::Member)?;
            self.vertices[field].status = Status::Final;
            self.vertices[field].base = match value {
                Value::Vertex(v) => Base::Link(v),
                value => Base::Value(value),
            };
        }
        Ok(Value::Vertex(copy))
    }

    /// One default counts alone; several are what is left of the alternatives (`toDataAllBaseValue`).
    fn choice_as_data(&mut self, disjunction: &Disjunction<'p>) -> R<'p, Value<'p>> {
        let kept = match disjunction.defaults {
            0 => disjunction.values.len(),
            count => count,
        };
        let mut values = Vec::with_capacity(kept);
        for value in disjunction.values.iter().take(kept) {
            values.push(self.nested(|e| e.as_data(value))?);
        }
        match (values.pop(), disjunction.defaults) {
            (Some(only), 1) => Ok(only),
            (last, defaults) => {
                values.extend(last);
                Ok(Value::Disjunction(Rc::new(Disjunction { values, defaults })))
            }
        }
    }

    /// Unifies a value with a constraint; the error, if there is one, with incomplete ones counted.
    fn unify_final(&mut self, value: &Value<'p>, schema: &Value<'p>) -> R<'p, Option<Rc<Bottom<'p>>>> {
        let v = self.inline(Vec::new())?;
        self.add_parts(v, [value.clone(), schema.clone()].into_iter());
        self.finalize(v)?;
        self.strict_error(v)
    }

    fn match_n(&mut self, value: &Value<'p>, bound: &Value<'p>, list: &Value<'p>) -> R<'p, Value<'p>> {
        let value = self.as_data(value)?;
        let (mut count, mut possible) = (0_u64, 0_u64);
        let mut errors = None;
        for schema in self.list_items(list)? {
            self.doubt_schema(schema)?;
            match self.unify_final(&value, &Value::Vertex(schema))? {
                None => count += 1,
                Some(error) => {
                    possible += u64::from(error.is_incomplete());
                    errors = combine(errors, Some(error));
                }
            }
        }
        let holds = |e: &mut Self, count: u64| {
            let number = Value::Number(Rc::new(crate::number::Number::int(count)));
            e.unify_final(&number, bound).map(|error| error.is_none())
        };
        if holds(self, count)? {
            return Ok(Value::Bool(true));
        }
        let mut code = Code::Eval;
        for more in count.saturating_add(1)..=count.saturating_add(possible) {
            if holds(self, more)? {
                code = Code::Incomplete;
            }
        }
        self.unmatched = errors;
        let nodes = vec![count.to_string().into(), bound.clone().into()];
        self.fail(code, "{} matched, expected {}", nodes)
    }

    fn match_if(
        &mut self,
        value: &Value<'p>,
        condition: &Value<'p>,
        then: &Value<'p>,
        otherwise: &Value<'p>,
    ) -> R<'p, Value<'p>> {
        let value = self.as_data(value)?;
        let chosen = if self.unify_final(&value, condition)?.is_none() { then } else { otherwise };
        match self.unify_final(&value, chosen)? {
            None => Ok(Value::Bool(true)),
            Some(error) => Err(Stop::Error(error)),
        }
    }
}

/// A member of a package is there or never will be.
pub(super) fn of_package(function: &Expr) -> bool {
    matches!(function, Expr::Selector(subject, _) if matches!(**subject, Expr::Import(_)))
}
