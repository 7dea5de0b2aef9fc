//! From the syntax tree to expressions: names are resolved, as `cue/ast/astutil/resolve.go` and
//! `internal/core/compile` of CUE v0.15.4 do.

mod labels;
mod predeclared;
mod scope;

use std::collections::HashMap;
use std::sync::Arc;

use crate::builtins::{self, Member};
use crate::expr::{ArcType, Clause, Comprehension, Decl, Element, Expr, ListLit, Op, StructLit};
use crate::label::{Label, LabelKind, Names};
use crate::number::Number;
use crate::syntax::ast::{self, Ast};

pub(crate) use predeclared::{RANGES, may_be_concrete};

use predeclared::{debug_text, predeclared};
use scope::{Entry, Scope, Target};

/// Why a file is not compiled.
#[derive(Debug)]
pub(crate) enum Refused {
    /// CUE's own errors.
    Errors(Vec<String>),
    /// CUE may take it.
    Unsupported(String),
}

/// Compiled files, which share their names.
#[derive(Debug, Default)]
pub(crate) struct Program {
    pub(crate) roots: Vec<StructLit>,
    pub(crate) names: Names,
}

/// Compiles a file into a program. The errors are those of CUE, in its order.
pub(crate) fn compile(file: &ast::File, program: &mut Program) -> Result<(), Refused> {
    let mut names = std::mem::take(&mut program.names);
    if let Some(package) = &file.package {
        names.set_package(package);
    }
    let mut compiler = Compiler { names, ..Compiler::default() };
    compiler.directive(file);
    compiler.imports(file);
    if compiler.errors.iter().any(|e| !e.starts_with("package ")) && compiler.unknown_package {
        return Err(Refused::Errors(compiler.errors));
    }
    if let Some(what) = compiler.unsupported {
        return Err(Refused::Unsupported(what));
    }
    let root = compiler.struct_lit(&file.decls, true);
    compiler.check_imports();
    program.names = compiler.names;
    if compiler.compiled > MAX_COMPILED {
        return Err(Refused::Unsupported("let clauses and aliases refer to each other too often".to_owned()));
    }
    if !compiler.errors.is_empty() {
        return Err(Refused::Errors(compiler.errors));
    }
    if let Some(what) = compiler.unsupported {
        return Err(Refused::Unsupported(what));
    }
    program.roots.push(root);
    Ok(())
}

#[derive(Default)]
struct Compiler {
    names: Names,
    scopes: Vec<Scope>,
    path: Vec<String>,
    errors: Vec<String>,
    imports: HashMap<String, (Arc<str>, Option<String>, bool)>,
    import_order: Vec<String>,
    lets: u32,
    unknown_package: bool,
    /// What CUE knows and this does not.
    unsupported: Option<String>,
    refers_to_for: bool,
    /// How many expressions.
    compiled: usize,
}

/// Expressions that are compiled. What a `let` clause stands for is compiled where it is named first, and once more where
/// it is declared: within others, each time that these are. The longest policy has fewer than half without that.
const MAX_COMPILED: usize = 2_000_000;

impl Compiler {
    fn error(&mut self, message: impl std::fmt::Display) -> Expr {
        let path = self.path.join(".");
        let text = if path.is_empty() { message.to_string() } else { format!("{path}: {message}") };
        self.errors.push(text);
        Expr::Bottom
    }

    fn directive(&mut self, file: &ast::File) {
        if let Some(directive) = &file.directive {
            self.unsupported = Some(format!("{directive} is not supported"));
        }
    }

    fn imports(&mut self, file: &ast::File) {
        for import in &file.imports {
            // With a package's name behind it (`strings:strings`), CUE finds none of its own packages.
            let path = &*import.path;
            if builtins::is_unsupported(path) {
                self.unsupported = Some(format!("package {path:?} is not supported"));
            } else if !builtins::is_package(path) {
                self.unknown_package = true;
                self.errors.push(if path.split('/').next().is_some_and(|first| first.contains('.')) {
                    format!("package {path:?} not found")
                } else {
                    format!("builtin package {path:?} undefined")
                });
                self.errors.push(format!("package {path:?} not found"));
                continue;
            }
            let base = path.rsplit('/').next().unwrap_or(path);
            let name = import.name.clone().unwrap_or_else(|| base.to_owned());
            let is_field = |decl: &ast::Decl| matches!(decl, ast::Decl::Field(field) if matches!(&field.label, ast::Label::Ident(label) if *label == name));
            if self.imports.contains_key(&name) || file.decls.iter().any(is_field) {
                self.errors.push(format!("{name} redeclared as imported package name"));
                continue;
            }
            self.import_order.push(name.clone());
            self.imports.insert(name, (path.into(), import.name.clone(), false));
        }
    }

    fn check_imports(&mut self) {
        let mut unused = Vec::new();
        for name in &self.import_order {
            if let Some((path, alias, false)) = self.imports.get(name) {
                unused.push(match alias {
                    None => format!("imported and not used: {path:?}"),
                    Some(alias) => format!("imported and not used: {path:?} as {alias}"),
                });
            }
        }
        // They are found before anything is compiled.
        if !unused.is_empty() {
            self.errors = unused;
        }
    }

    fn struct_lit(&mut self, decls: &[ast::Decl], is_file: bool) -> StructLit {
        let scope = self.declare(decls);
        self.scopes.push(scope);
        self.computed_aliases(decls);
        let mut compiled = Vec::with_capacity(decls.len());
        for decl in decls {
            if let Some(decl) = self.decl(decl) {
                compiled.push(decl);
            }
        }
        self.pop_scope();
        StructLit::new(compiled, is_file)
    }

    /// Computed names with an alias are compiled before all else, one after the other.
    fn computed_aliases(&mut self, decls: &[ast::Decl]) {
        for decl in decls {
            let ast::Decl::Field(ast::Field { alias: Some(alias), label: ast::Label::Dynamic(key), .. }) = decl else {
                continue;
            };
            let known = self.errors.len();
            self.expr(key);
            let before = self.errors.len();
            self.keep_cycles(known);
            let Some(entry) = self.scopes.last_mut().and_then(|scope| scope.names.get_mut(alias)) else { continue };
            entry.ready = true;
            if before > known {
                entry.target = Target::Wrong;
            }
        }
    }

    /// Of the errors from here on only cycles are told; the rest is found again at the declaration.
    fn keep_cycles(&mut self, known: usize) {
        let found = self.errors.split_off(known);
        self.errors
            .extend(found.into_iter().filter(|e| e.ends_with("let clause or alias") || e.ends_with("field alias")));
    }

    fn decl(&mut self, decl: &ast::Decl) -> Option<Decl> {
        Some(match decl {
            ast::Decl::Ellipsis => Decl::Ellipsis,
            ast::Decl::Embed(Ast::Alias(..)) => {
                self.error("old-style alias no longer supported: use let clause; use cue fix to update.");
                return None;
            }
            ast::Decl::Embed(value) => Decl::Embed(self.expr(value)),
            ast::Decl::Comprehension(c) => Decl::Comprehension(self.comprehension(c, false)?),
            ast::Decl::Let(name, value) => {
                let label = match self.scopes.last().and_then(|s| s.names.get(name)) {
                    Some(Entry { target: Target::Let { label, .. }, .. }) => *label,
                    _ => return None,
                };
                let saved = std::mem::replace(&mut self.refers_to_for, false);
                let value = self.let_value(name, value);
                let multi = self.refers_to_for;
                self.refers_to_for = saved || multi;
                Decl::Let { label, value, multi }
            }
            ast::Decl::Field(field) => return self.field(field),
        })
    }

    /// A `let` clause does not see itself.
    fn let_value(&mut self, name: &str, value: &Ast) -> Expr {
        let outer = self.scopes.last_mut().and_then(|scope| scope.hidden.replace(name.to_owned()));
        self.path.push("let[]".to_owned());
        let value = self.expr(value);
        self.path.pop();
        if let Some(scope) = self.scopes.last_mut() {
            scope.hidden = outer;
        }
        value
    }

    fn field(&mut self, field: &ast::Field) -> Option<Decl> {
        let arc = match field.constraint {
            ast::Constraint::None => ArcType::Member,
            ast::Constraint::Optional => ArcType::Optional,
            ast::Constraint::Required => ArcType::Required,
        };
        let text = match &field.label {
            ast::Label::Ident(name) => name.clone(),
            ast::Label::String(text) => crate::label::quote_if_needed(text),
            ast::Label::Pattern(_) => "[]".to_owned(),
            ast::Label::Dynamic(Ast::Interpolation { .. }) => "?".to_owned(),
            ast::Label::Dynamic(_) => "<unknown>".to_owned(),
        };
        if let ast::Label::Pattern(pattern) = &field.label {
            return Some(self.pattern(field, pattern, text));
        }
        self.path.push(text);
        self.set_in_field(true);
        let value = self.field_value(&field.value);
        self.set_in_field(false);
        self.path.pop();
        Some(match &field.label {
            ast::Label::Ident(name) if name == "_" => {
                self.error("cannot use _ as label");
                return None;
            }
            ast::Label::Ident(name) => Decl::Field { label: self.names.identifier(name), arc, value },
            ast::Label::String(text) => Decl::Field { label: self.names.intern(LabelKind::Regular, text), arc, value },
            ast::Label::Dynamic(key) => Decl::Dynamic { key: Box::new(self.expr(key)), arc, value: Box::new(value) },
            ast::Label::Pattern(_) => return None,
        })
    }

    fn set_in_field(&mut self, in_field: bool) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.in_field = in_field;
        }
    }

    fn field_value(&mut self, value: &Ast) -> Expr {
        let Ast::Alias(name, value) = value else { return self.expr(value) };
        let label = self.names.identifier(name);
        let mut scope = Scope { in_field: true, ..Scope::default() };
        // What is wrong with the alias itself is told of what the field stands in.
        let own = self.path.pop();
        self.declare_alias(&mut scope, name, Target::Value(label));
        self.scopes.push(scope);
        self.path.extend(own.clone());
        let value = self.expr(value);
        self.path.pop();
        self.pop_scope();
        self.path.extend(own);
        value
    }

    fn pattern(&mut self, field: &ast::Field, pattern: &Ast, text: String) -> Decl {
        let mut scope = Scope::default();
        if let Some(alias) = &field.alias {
            self.declare_alias(&mut scope, alias, Target::MatchedField);
        }
        let filter = match pattern {
            Ast::Alias(name, pattern) => {
                let entry = Entry {
                    used: true,
                    checked: true,
                    is_alias: true,
                    ..Entry::new(Target::LabelName, self.path.len())
                };
                if !self.is_taken(&scope, name, true) {
                    scope.names.insert(name.clone(), entry);
                }
                pattern
            }
            pattern => pattern,
        };
        self.check_pattern_names(filter, &scope.names.keys().cloned().collect::<Vec<_>>());
        let filter = self.expr(filter);
        scope.in_field = true;
        self.scopes.push(scope);
        self.path.push(text);
        let value = self.field_value(&field.value);
        self.path.pop();
        self.pop_scope();
        Decl::Pattern { filter: Box::new(filter), value: Box::new(value) }
    }

    fn comprehension(&mut self, comprehension: &ast::Comprehension, in_list: bool) -> Option<Box<Comprehension>> {
        let mut clauses = Vec::new();
        let mut pushed = 0_usize;
        for clause in &comprehension.clauses {
            match clause {
                ast::Clause::For { key, value, source } => {
                    let source = self.expr(source);
                    let mut scope = Scope { up: 1, is_for: !in_list, ..Scope::default() };
                    let key = key.as_ref().and_then(|name| self.clause_name(&mut scope, name));
                    let value = self.clause_name(&mut scope, value);
                    self.scopes.push(scope);
                    self.path.push("for[]".to_owned());
                    pushed += 1;
                    clauses.push(Clause::For { key, value, source });
                }
                ast::Clause::If(condition) => clauses.push(Clause::If(self.expr(condition))),
                ast::Clause::Let(name, value) => {
                    let saved = std::mem::replace(&mut self.refers_to_for, false);
                    let value = self.expr(value);
                    let refers = self.refers_to_for;
                    self.refers_to_for = saved || refers;
                    let mut scope = Scope { up: 1, is_for: !in_list && refers, ..Scope::default() };
                    let label = self.clause_name(&mut scope, name)?;
                    self.scopes.push(scope);
                    self.path.push("let[]".to_owned());
                    pushed += 1;
                    clauses.push(Clause::Let { label, value });
                }
            }
        }
        let value = self.struct_lit(&comprehension.value, false);
        for _ in 0..pushed {
            self.pop_scope();
            self.path.pop();
        }
        Some(Box::new(Comprehension { clauses, value }))
    }

    fn clause_name(&mut self, scope: &mut Scope, name: &str) -> Option<Label> {
        if name == "_" {
            scope.names_blank = true;
            return None;
        }
        let label = self.names.identifier(name);
        self.is_taken(scope, name, false);
        let entry = Entry { used: true, checked: true, ..Entry::new(Target::Field(label), self.path.len()) };
        scope.names.insert(name.to_owned(), entry);
        Some(label)
    }

    fn expr(&mut self, ast: &Ast) -> Expr {
        self.compiled = self.compiled.saturating_add(1);
        if self.compiled > MAX_COMPILED {
            return Expr::Bottom;
        }
        match ast {
            Ast::Ident(name) => self.resolve(name),
            Ast::Bottom => Expr::Bottom,
            Ast::Null => Expr::Null,
            Ast::Bool(value) => Expr::Bool(*value),
            Ast::Number(text) => match Number::parse_literal(text) {
                Ok(number) => Expr::Number(number),
                Err(fault) => self.error(format!("error converting number to decimal: {fault}")),
            },
            Ast::String(text) => Expr::String(text.as_str().into()),
            Ast::Bytes(bytes) => Expr::Bytes(bytes.as_slice().into()),
            Ast::Interpolation { bytes, texts, parts } => self.interpolation(*bytes, texts, parts),
            Ast::Struct(decls) => Expr::Struct(self.struct_lit(decls, false)),
            Ast::List { elements, ellipsis } => self.list(elements, ellipsis.as_ref()),
            Ast::Selector(subject, selector) => self.selector(subject, selector),
            Ast::Index(subject, index) => self.index(subject, index),
            Ast::Slice(subject, low, high) => {
                let subject = Box::new(self.expr(subject));
                let low = low.as_ref().map(|low| Box::new(self.expr(low)));
                let high = high.as_ref().map(|high| Box::new(self.expr(high)));
                Expr::Slice(subject, low, high)
            }
            Ast::Call(function, arguments) => {
                let function = Box::new(self.expr(function));
                Expr::Call(function, arguments.iter().map(|a| self.expr(a)).collect())
            }
            Ast::Unary(sign, operand) => self.unary(sign, operand),
            Ast::Binary("&", left, right) => Expr::And(Box::new(self.expr(left)), Box::new(self.expr(right))),
            Ast::Binary(sign, left, right) => self.binary(sign, left, right),
            Ast::Or(values) => {
                let mut disjuncts = Vec::new();
                let mut has_defaults = false;
                for value in values {
                    self.disjunct(value, false, &mut disjuncts, &mut has_defaults);
                }
                Expr::Or { has_defaults, values: disjuncts }
            }
            Ast::Paren(inner) => self.expr(inner),
            Ast::Alias(..) => self.error("alias values not allowed in this position"),
        }
    }

    fn index(&mut self, subject: &Ast, index: &Ast) -> Expr {
        let (subject, index) = (self.expr(subject), self.expr(index));
        match (&index, &subject) {
            (Expr::Number(_), _) => {}
            (Expr::String(text), _) => {
                let label = self.names.intern(LabelKind::Regular, text);
                self.names.refer(label);
            }
            (_, Expr::Field { label, .. } | Expr::Selector(_, label)) => self.names.refer_within(Some(*label)),
            _ => self.names.refer_within(None),
        }
        Expr::Index(Box::new(subject), Box::new(index))
    }

    fn selector(&mut self, subject: &Ast, selector: &ast::Selector) -> Expr {
        let subject = self.expr(subject);
        let label = match selector {
            ast::Selector::Ident(name) => self.names.identifier(name),
            ast::Selector::String(text) => self.names.intern(LabelKind::Regular, text),
        };
        if let (Expr::Import(path), ast::Selector::Ident(name)) = (&subject, selector)
            && let Some(Member::Source(source)) = builtins::lookup(path, name)
        {
            return self.package_source(source);
        }
        if matches!(selector, ast::Selector::Ident(name) if name == "_") {
            // CUE looks for a field that no struct has.
            self.unsupported = Some("the selector _ is not supported".to_owned());
        }
        self.names.refer(label);
        Expr::Selector(Box::new(subject), label)
    }

    /// What a package defines in CUE stands where it is named.
    fn package_source(&mut self, source: &str) -> Expr {
        let Ok(file) = crate::syntax::parse(source) else { return Expr::Bottom };
        let [ast::Decl::Embed(value)] = file.decls.as_slice() else { return Expr::Bottom };
        let scopes = std::mem::take(&mut self.scopes);
        let value = self.expr(value);
        self.scopes = scopes;
        value
    }

    fn disjunct(&mut self, value: &Ast, marked: bool, out: &mut Vec<(Expr, bool)>, has_defaults: &mut bool) {
        match value {
            Ast::Or(values) => values.iter().for_each(|v| self.disjunct(v, marked, out, has_defaults)),
            Ast::Unary("*", value) => {
                *has_defaults = true;
                self.disjunct(value, true, out, has_defaults);
            }
            value => out.push((self.expr(value), marked)),
        }
    }

    fn unary(&mut self, sign: &str, operand: &Ast) -> Expr {
        match (sign, Op::of(sign)) {
            ("*", _) => self.error("preference mark not allowed at this position"),
            ("+" | "-" | "!", Some(op)) => Expr::Unary(op, Box::new(self.expr(operand))),
            (_, Some(op)) => Expr::Bound(op, Box::new(self.expr(operand))),
            (_, None) => self.error(format!("unsupported unary operator {sign:?}")),
        }
    }

    fn binary(&mut self, sign: &str, left: &Ast, right: &Ast) -> Expr {
        let Some(op) = Op::of(sign) else { return self.error(format!("unsupported operator {sign:?}")) };
        let (x, y) = (self.expr(left), self.expr(right));
        for (expr, ast) in [(&x, left), (&y, right)] {
            if !may_be_concrete(expr) {
                let operand = debug_text(ast);
                self.error(format!("invalid operand {operand} ('{sign}' requires concrete value)"));
            }
        }
        Expr::Binary(op, Box::new(x), Box::new(y))
    }

    fn interpolation(&mut self, bytes: bool, texts: &[Vec<u8>], parts: &[Ast]) -> Expr {
        let mut compiled = Vec::new();
        for (n, text) in texts.iter().enumerate() {
            compiled.push(if bytes {
                Expr::Bytes(text.as_slice().into())
            } else {
                Expr::String(String::from_utf8_lossy(text).as_ref().into())
            });
            if let Some(part) = parts.get(n) {
                compiled.push(self.expr(part));
            }
        }
        Expr::Interpolation { bytes, parts: compiled }
    }

    fn list(&mut self, elements: &[ast::Element], ellipsis: Option<&Option<Box<Ast>>>) -> Expr {
        self.scopes.push(Scope { up: 1, ..Scope::default() });
        let mut compiled = Vec::with_capacity(elements.len());
        for element in elements {
            match element {
                ast::Element::Value(value) => compiled.push(Element::Value(self.expr(value))),
                ast::Element::Comprehension(c) => {
                    compiled.extend(self.comprehension(c, true).map(Element::Comprehension));
                }
            }
        }
        let ellipsis = ellipsis.map(|value| value.as_ref().map(|value| Box::new(self.expr(value))));
        self.pop_scope();
        Expr::List(ListLit { elements: compiled, ellipsis })
    }

    fn resolve(&mut self, name: &str) -> Expr {
        if name == "_" {
            return Expr::Top;
        }
        let mut up = 0_usize;
        for depth in (0..self.scopes.len()).rev() {
            let Some(scope) = self.scopes.get_mut(depth) else { continue };
            let above = scope.up;
            let is_for = scope.is_for;
            if scope.get(name).is_some()
                && let Some(entry) = scope.names.get_mut(name)
            {
                entry.used = true;
                let entry = entry.clone();
                self.refers_to_for |= is_for;
                return self.reference(name, &entry, depth, up);
            }
            up = up.saturating_add(above);
        }
        if let Some((path, _, used)) = self.imports.get_mut(name) {
            *used = true;
            return Expr::Import(Arc::clone(path));
        }
        match predeclared(name) {
            Some(expr) => expr,
            None => self.error(format!("reference {name:?} not found")),
        }
    }

    fn reference(&mut self, name: &str, entry: &Entry, depth: usize, up: usize) -> Expr {
        match &entry.target {
            Target::Field(label) => {
                self.names.refer(*label);
                Expr::Field { up, label: *label }
            }
            Target::LabelName => Expr::LabelName { up, name: name.into() },
            Target::MatchedField => Expr::Dynamic { up, label: Box::new(Expr::LabelName { up: 0, name: name.into() }) },
            Target::Value(label) => Expr::Value { up, name: *label },
            Target::Wrong => Expr::Bottom,
            Target::Let { label, value } => {
                if entry.busy {
                    return self.error("cyclic references in let clause or alias");
                }
                if !entry.checked {
                    self.at_scope(depth, name, entry.path, |c| c.let_value(name, value));
                }
                Expr::Let { up, label: *label }
            }
            Target::Dynamic(key) => {
                if entry.busy || !entry.ready {
                    return self.error("cyclic reference in field alias");
                }
                let label = self.at_scope(depth, name, entry.path, |c| c.expr(key));
                Expr::Dynamic { up, label: Box::new(label) }
            }
        }
    }

    /// Compiles what an alias stands for where it is declared; errors there are told where it is declared.
    fn at_scope(&mut self, depth: usize, name: &str, path: usize, compile: impl FnOnce(&mut Self) -> Expr) -> Expr {
        let inner = self.scopes.split_off(depth.saturating_add(1));
        let hidden = self.scopes.last_mut().and_then(|scope| scope.hidden.take());
        let steps = self.path.split_off(path.min(self.path.len()));
        let mark = |c: &mut Self, busy: bool| {
            if let Some(entry) = c.scopes.last_mut().and_then(|s| s.names.get_mut(name)) {
                entry.busy = busy;
                entry.checked = true;
            }
        };
        mark(self, true);
        let known = self.errors.len();
        let refers = self.refers_to_for;
        let expr = compile(self);
        self.refers_to_for = refers;
        mark(self, false);
        self.keep_cycles(known);
        self.path.extend(steps);
        if let Some(scope) = self.scopes.last_mut() {
            scope.hidden = hidden;
        }
        self.scopes.extend(inner);
        expr
    }
}
