//! Names that a pattern may not use: those of the struct that it is in, and of what is around that up to the next field
//! (`cue/ast/astutil/resolve.go`).

use super::Compiler;
use super::scope::Scope;
use crate::syntax::ast::{Ast, Clause, Comprehension, Decl, Element, Label, Selector};

impl Compiler {
    /// Refuses names that a field which the pattern matches would be. `aliases` are the pattern's own.
    pub(super) fn check_pattern_names(&mut self, pattern: &Ast, aliases: &[String]) {
        let mut names = Names::default();
        names.expr(pattern);
        for name in names.0 {
            if aliases.contains(&name) || self.is_beside(&name) {
                let message =
                    format!("reference {name:?} in label expression refers to field against which it would be matched");
                self.errors.push(message);
            }
        }
    }

    /// Whether a name stands for something else around here: an alias for a field, or a field for an alias.
    pub(super) fn is_taken(&mut self, scope: &Scope, name: &str, is_alias: bool) -> bool {
        let entry = scope.get(name).or_else(|| self.scopes.iter().rev().find_map(|s| s.get(name)));
        let taken = match entry {
            Some(entry) => entry.is_alias != is_alias,
            None => is_alias && self.imports.contains_key(name),
        };
        if taken {
            self.errors.push(format!("cannot have both alias and field with name {name:?} in same scope"));
        }
        taken
    }

    fn is_beside(&self, name: &str) -> bool {
        for scope in self.scopes.iter().rev() {
            if scope.in_field {
                return false;
            }
            if scope.get(name).is_some() || (scope.names_blank && name == "_") {
                return true;
            }
        }
        self.imports.contains_key(name)
    }
}

/// All names in an expression, also those after a dot.
#[derive(Default)]
struct Names(Vec<String>);

impl Names {
    fn expr(&mut self, ast: &Ast) {
        match ast {
            Ast::Ident(name) => self.0.push(name.clone()),
            Ast::Interpolation { parts, .. } => self.all(parts),
            Ast::Struct(decls) => self.decls(decls),
            Ast::List { elements, ellipsis } => {
                for element in elements {
                    match element {
                        Element::Value(value) => self.expr(value),
                        Element::Comprehension(comprehension) => self.comprehension(comprehension),
                    }
                }
                self.all(ellipsis.iter().flatten().map(|rest| &**rest));
            }
            Ast::Selector(subject, selector) => {
                self.expr(subject);
                if let Selector::Ident(name) = selector {
                    self.0.push(name.clone());
                }
            }
            Ast::Index(a, b) | Ast::Binary(_, a, b) => self.all([&**a, &**b]),
            Ast::Slice(subject, low, high) => {
                self.expr(subject);
                self.all(low.iter().chain(high).map(|bound| &**bound));
            }
            Ast::Call(function, arguments) => {
                self.expr(function);
                self.all(arguments);
            }
            Ast::Unary(_, operand) | Ast::Paren(operand) => self.expr(operand),
            Ast::Alias(name, value) => {
                self.0.push(name.clone());
                self.expr(value);
            }
            Ast::Or(values) => self.all(values),
            Ast::Bottom | Ast::Null | Ast::Bool(_) | Ast::Number(_) | Ast::String(_) | Ast::Bytes(_) => {}
        }
    }

    fn all<'a>(&mut self, values: impl IntoIterator<Item = &'a Ast>) {
        values.into_iter().for_each(|value| self.expr(value));
    }

    fn decls(&mut self, decls: &[Decl]) {
        for decl in decls {
            match decl {
                Decl::Field(field) => {
                    self.0.extend(field.alias.clone());
                    match &field.label {
                        Label::Ident(name) => self.0.push(name.clone()),
                        Label::Dynamic(key) | Label::Pattern(key) => self.expr(key),
                        Label::String(_) => {}
                    }
                    self.expr(&field.value);
                }
                Decl::Let(name, value) => {
                    self.0.push(name.clone());
                    self.expr(value);
                }
                Decl::Ellipsis => {}
                Decl::Comprehension(comprehension) => self.comprehension(comprehension),
                Decl::Embed(value) => self.expr(value),
            }
        }
    }

    fn comprehension(&mut self, comprehension: &Comprehension) {
        for clause in &comprehension.clauses {
            match clause {
                Clause::For { key, value, source } => {
                    self.0.extend(key.clone());
                    self.0.push(value.clone());
                    self.expr(source);
                }
                Clause::If(condition) => self.expr(condition),
                Clause::Let(name, value) => {
                    self.0.push(name.clone());
                    self.expr(value);
                }
            }
        }
        self.decls(&comprehension.value);
    }
}
