//! Values and expressions in messages: `internal/core/debug/compact.go`.

use super::Eval;
use super::types::{Base, Elem, Function, Status, Value, VertexId};
use crate::expr::{ArcType, Clause, Comprehension, Decl, Element, Expr, ListLit, StructLit};
use crate::label::{Label, quote, quote_bytes, quote_if_needed};

/// A text that is longer ends here: nobody reads on.
const MAX_PRINT: usize = 64 << 10;

/// Values within values in print.
const MAX_PRINT_DEPTH: usize = 60;

/// Values in one text: errors within values name values again.
const MAX_PRINT_VALUES: usize = 1 << 14;

impl<'p> Eval<'p> {
    pub(super) fn print_elem(&self, elem: &Elem<'p>, out: &mut String) {
        match elem {
            Elem::Expr(expr) => self.print_expr(expr, out),
            Elem::Struct(lit) => self.print_struct(lit, out),
            Elem::List(lit) => self.print_list(lit, out),
            Elem::Value(value) => self.print_value(value, out),
            Elem::Or(values) => {
                out.push('(');
                separated(out, "|", values.iter(), |value, out| self.print_value(value, out));
                out.push(')');
            }
        }
    }

    pub(super) fn print(&self, value: &Value<'p>) -> String {
        let mut out = String::new();
        self.print_value(value, &mut out);
        out
    }

    /// An expression as it was written. CUE formats the source there; the names of hidden fields are what differs.
    pub(super) fn print_source(&self, expr: &'p Expr, out: &mut String) {
        match expr {
            Expr::Field { label, .. } | Expr::Value { name: label, .. } => {
                out.push_str(&self.names.selector(*label).to_string());
            }
            Expr::Selector(subject, label) => {
                self.print_source(subject, out);
                out.push('.');
                out.push_str(&self.names.selector(*label).to_string());
            }
            Expr::Index(subject, index) => {
                self.print_source(subject, out);
                out.push('[');
                self.print_source(index, out);
                out.push(']');
            }
            other => self.print_expr(other, out),
        }
    }

    fn label(&self, label: Label) -> String {
        self.names.qualified(label)
    }

    pub(super) fn print_value(&self, value: &Value<'p>, out: &mut String) {
        if out.len() > MAX_PRINT {
            return;
        }
        match value {
            Value::Null => out.push_str("null"),
            Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Value::Number(number) => out.push_str(&number.to_string()),
            Value::String(text) => out.push_str(&quote(text)),
            Value::Bytes(bytes) => out.push_str(&quote_bytes(bytes)),
            Value::Top => out.push('_'),
            Value::Basic(kind) => out.push_str(&kind.to_string()),
            Value::Bound(bound) => {
                out.push_str(bound.op.sign());
                self.print_value(&bound.value, out);
            }
            Value::Validator(validator) => {
                out.push_str(&function_value(validator.function));
                out.push('(');
                separated(out, ", ", validator.args.iter(), |value, out| self.print_value(value, out));
                out.push(')');
            }
            Value::Function(function) => out.push_str(&function_value(*function)),
            Value::Conjunction(values) => {
                separated(out, " & ", values.iter(), |value, out| self.print_value(value, out));
            }
            Value::Disjunction(disjunction) => {
                separated(out, " | ", disjunction.values.iter().enumerate(), |(n, value), out| {
                    if n < disjunction.defaults {
                        out.push('*');
                    }
                    self.print_value(value, out);
                });
            }
            Value::Bottom(bottom) => {
                out.push_str("_|_(");
                out.push_str(&self.summary(&bottom.messages));
                out.push(')');
            }
            Value::Vertex(v) => self.print_vertex(*v, out),
            Value::Package(path) => out.push_str(&quote_if_needed(path)),
        }
    }

    fn print_vertex(&self, v: VertexId, out: &mut String) {
        self.print_deeper(out, |out| self.print_vertex_base(v, out));
    }

    fn print_deeper(&self, out: &mut String, print: impl FnOnce(&mut String)) {
        if self.printing.get() == 0 {
            self.printed.set(0);
        }
        self.printed.set(self.printed.get().saturating_add(1));
        if self.printing.get() > MAX_PRINT_DEPTH || self.printed.get() > MAX_PRINT_VALUES {
            return out.push_str("...");
        }
        self.printing.set(self.printing.get().saturating_add(1));
        print(out);
        self.printing.set(self.printing.get().saturating_sub(1));
    }

    fn print_vertex_base(&self, v: VertexId, out: &mut String) {
        let vertex = &self.vertices[v];
        let known = vertex.status >= Status::Known || !vertex.arcs.is_empty();
        let is_list = vertex.node.list_open.is_some();
        let is_struct = vertex.node.a_struct.is_some() || (known && vertex.node.has_structs);
        match &vertex.base {
            Base::Link(target) => self.print_vertex(*target, out),
            // An error that came later: it was a list or struct when it was named in a message.
            Base::Value(Value::Bottom(_)) if is_list => self.print_elements(v, out),
            Base::Value(Value::Bottom(_)) if is_struct => self.print_arcs(v, out),
            Base::Value(value) => self.print_value(value, out),
            Base::List { .. } => self.print_elements(v, out),
            Base::Struct => self.print_arcs(v, out),
            Base::None if known && is_list => self.print_elements(v, out),
            Base::None if known && vertex.node.scalar.is_none() => self.print_arcs(v, out),
            Base::None => {
                separated(out, " & ", vertex.conjuncts.iter(), |conjunct, out| self.print_elem(&conjunct.elem, out));
            }
        }
    }

    fn print_elements(&self, v: VertexId, out: &mut String) {
        out.push('[');
        separated(out, ",", self.elements(v).into_iter(), |arc, out| self.print_vertex(arc, out));
        out.push(']');
    }

    fn print_arcs(&self, v: VertexId, out: &mut String) {
        out.push('{');
        let there = |arc: &Result<VertexId, _>| !matches!(arc, Ok(arc) if self.vertices[*arc].arc >= ArcType::Pending);
        separated(out, ",", self.printed_arcs(v).filter(there), |arc, out| {
            let arc = match arc {
                Ok(arc) => arc,
                Err((label, value)) => {
                    out.push_str(&format!("{}:", self.label(label)));
                    return self.print_deeper(out, |out| self.print_elem(&Elem::Expr(value), out));
                }
            };
            let field = &self.vertices[arc];
            let label = field.label.map(|l| self.label(l)).unwrap_or_default();
            if field.is_let {
                out.push_str(&format!("let {label}="));
            } else {
                out.push_str(&format!("{label}{}:", field.arc.suffix()));
            }
            self.print_vertex(arc, out);
        });
        out.push('}');
    }

    fn print_struct(&self, lit: &'p StructLit, out: &mut String) {
        out.push('{');
        separated(out, ",", lit.decls.iter(), |decl, out| self.print_decl(decl, out));
        out.push('}');
    }

    fn print_list(&self, lit: &'p ListLit, out: &mut String) {
        out.push('[');
        separated(out, ",", lit.elements.iter(), |element, out| match element {
            Element::Value(expr) => self.print_expr(expr, out),
            Element::Comprehension(c) => self.print_comprehension(c, out),
        });
        if let Some(rest) = &lit.ellipsis {
            if !lit.elements.is_empty() {
                out.push(',');
            }
            out.push_str("...");
            if let Some(rest) = rest {
                self.print_expr(rest, out);
            }
        }
        out.push(']');
    }

    fn print_decl(&self, decl: &'p Decl, out: &mut String) {
        if out.len() > MAX_PRINT {
            return;
        }
        match decl {
            Decl::Field { label, arc, value } => {
                out.push_str(&format!("{}{}:", self.label(*label), arc.suffix()));
                self.print_expr(value, out);
            }
            Decl::Let { label, value, multi } => {
                out.push_str(&format!("let {}{}=", self.label(*label), if *multi { "m" } else { "" }));
                self.print_expr(value, out);
            }
            Decl::Pattern { filter, value } => {
                out.push('[');
                self.print_expr(filter, out);
                out.push_str("]:");
                self.print_expr(value, out);
            }
            Decl::Dynamic { key, arc, value } => {
                self.print_expr(key, out);
                out.push_str(arc.suffix());
                out.push(':');
                self.print_expr(value, out);
            }
            Decl::Ellipsis => out.push_str("..."),
            Decl::Comprehension(c) => self.print_comprehension(c, out),
            Decl::Embed(expr) => self.print_expr(expr, out),
        }
    }

    fn print_comprehension(&self, comprehension: &'p Comprehension, out: &mut String) {
        let name = |label: &Option<Label>| label.map_or_else(|| "_".to_owned(), |l| self.names.text(l).to_string());
        for clause in &comprehension.clauses {
            match clause {
                Clause::For { key, value, source } => {
                    out.push_str(&format!("for {}, {} in ", name(key), name(value)));
                    self.print_expr(source, out);
                }
                Clause::If(condition) => {
                    out.push_str("if ");
                    self.print_expr(condition, out);
                }
                Clause::Let { label, value } => {
                    out.push_str(&format!("let {} = ", self.names.text(*label)));
                    self.print_expr(value, out);
                }
            }
            out.push(' ');
        }
        self.print_struct(&comprehension.value, out);
    }

    pub(super) fn print_expr(&self, expr: &'p Expr, out: &mut String) {
        if out.len() > MAX_PRINT {
            return;
        }
        match expr {
            Expr::Null => out.push_str("null"),
            Expr::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Expr::Number(number) => out.push_str(&number.to_string()),
            Expr::String(text) => out.push_str(&quote(text)),
            Expr::Excerpt(excerpt) => out.push_str(&quote(excerpt.text())),
            Expr::Bytes(bytes) => out.push_str(&quote_bytes(bytes)),
            Expr::Top => out.push('_'),
            Expr::Basic(kind) => out.push_str(&kind.to_string()),
            Expr::Nothing => out.push_str("_|_(no sharing)"),
            Expr::Bottom => out.push_str("_|_(explicit error (_|_ literal) in source)"),
            Expr::Range(name) => self.print_value(&super::value::range(name), out),
            Expr::Core(core) => out.push_str(core.name()),
            Expr::Bound(op, operand) | Expr::Unary(op, operand) => {
                out.push_str(op.sign());
                self.print_expr(operand, out);
            }
            Expr::Field { label, .. } | Expr::Value { name: label, .. } => out.push_str(&self.label(*label)),
            Expr::Let { label, .. } => {
                let text = self.names.text(*label);
                out.push_str(text.split('#').next().unwrap_or_default());
            }
            Expr::LabelName { name, .. } => out.push_str(name),
            Expr::Dynamic { label, .. } => self.print_expr(label, out),
            Expr::Import(path) => out.push_str(&quote_if_needed(path)),
            Expr::Selector(subject, label) => {
                self.print_expr(subject, out);
                out.push('.');
                out.push_str(&self.label(*label));
            }
            Expr::Index(subject, index) => {
                self.print_expr(subject, out);
                out.push('[');
                self.print_expr(index, out);
                out.push(']');
            }
            Expr::Slice(subject, low, high) => {
                self.print_expr(subject, out);
                out.push('[');
                if let Some(low) = low {
                    self.print_expr(low, out);
                }
                out.push(':');
                if let Some(high) = high {
                    self.print_expr(high, out);
                }
                out.push(']');
            }
            Expr::Interpolation { bytes, parts } => self.print_interpolation(*bytes, parts, out),
            Expr::Binary(op, left, right) => self.print_pair(left, op.sign(), right, out),
            Expr::And(left, right) => self.print_pair(left, "&", right, out),
            Expr::Or { values, .. } => {
                out.push('(');
                separated(out, "|", values.iter(), |(value, is_default), out| {
                    if *is_default {
                        out.push('*');
                    }
                    self.print_expr(value, out);
                });
                out.push(')');
            }
            Expr::Call(function, arguments) => {
                self.print_expr(function, out);
                out.push('(');
                separated(out, ", ", arguments.iter(), |value, out| self.print_expr(value, out));
                out.push(')');
            }
            Expr::Struct(lit) => self.print_struct(lit, out),
            Expr::List(lit) => self.print_list(lit, out),
        }
    }

    fn print_pair(&self, left: &'p Expr, sign: &str, right: &'p Expr, out: &mut String) {
        out.push('(');
        self.print_expr(left, out);
        out.push_str(&format!(" {sign} "));
        self.print_expr(right, out);
        out.push(')');
    }

    fn print_interpolation(&self, bytes: bool, parts: &'p [Expr], out: &mut String) {
        let sign = if bytes { '\'' } else { '"' };
        out.push(sign);
        for part in parts {
            match part {
                Expr::String(text) => out.push_str(text),
                Expr::Bytes(bytes) => out.push_str(&String::from_utf8_lossy(bytes)),
                part => {
                    out.push_str("\\(");
                    self.print_expr(part, out);
                    out.push(')');
                }
            }
        }
        out.push(sign);
    }
}

/// `time.Parse`, `"encoding/json".Valid`.
fn function_value(function: Function) -> String {
    match function {
        Function::Core(core) => core.name().to_owned(),
        Function::Package(builtin) => format!("{}.{}", quote_if_needed(builtin.package), builtin.name),
    }
}

/// `time.Parse`, `encoding/json.Valid`.
pub(super) fn function_name(function: Function) -> String {
    match function {
        Function::Core(core) => core.name().to_owned(),
        Function::Package(builtin) => format!("{}.{}", builtin.package, builtin.name),
    }
}

fn separated<T>(
    out: &mut String,
    separator: &str,
    items: impl Iterator<Item = T>,
    mut print: impl FnMut(T, &mut String),
) {
    for (n, item) in items.enumerate() {
        if n > 0 {
            out.push_str(separator);
        }
        print(item, out);
    }
}
