//! Which fields of a policy its own expressions refer to: read off the policy, without evaluation.

use std::collections::HashSet;

use crate::compile::Program;
use crate::expr::{Clause, Comprehension, Decl, Element, Expr, ListLit, StructLit};
use crate::label::Label;

/// The values of all fields that something refers to, by their place in the program.
pub(crate) fn referred(program: &Program) -> HashSet<usize> {
    let mut walk = Walk { scopes: Vec::new(), found: HashSet::new() };
    for root in &program.roots {
        walk.struct_lit(root);
    }
    walk.found
}

/// The place of an expression.
pub(crate) fn place(expr: &Expr) -> usize {
    std::ptr::from_ref(expr).addr()
}

struct Walk<'p> {
    /// What an environment stands for: a struct, or something whose fields have no names.
    scopes: Vec<Option<&'p StructLit>>,
    found: HashSet<usize>,
}

impl<'p> Walk<'p> {
    fn struct_lit(&mut self, lit: &'p StructLit) {
        self.scopes.push(Some(lit));
        for decl in &lit.decls {
            match decl {
                Decl::Field { value, .. } | Decl::Let { value, .. } | Decl::Embed(value) => self.expr(value),
                Decl::Pattern { filter: key, value } | Decl::Dynamic { key, value, .. } => {
                    self.expr(key);
                    self.expr(value);
                }
                Decl::Comprehension(comprehension) => self.comprehension(comprehension),
                Decl::Ellipsis => {}
            }
        }
        self.scopes.pop();
    }

    fn comprehension(&mut self, comprehension: &'p Comprehension) {
        let mut opened = 0_usize;
        for clause in &comprehension.clauses {
            match clause {
                Clause::If(condition) => self.expr(condition),
                Clause::For { source: value, .. } | Clause::Let { value, .. } => {
                    self.expr(value);
                    self.scopes.push(None);
                    opened = opened.saturating_add(1);
                }
            }
        }
        self.struct_lit(&comprehension.value);
        self.scopes.truncate(self.scopes.len().saturating_sub(opened));
    }

    fn list(&mut self, lit: &'p ListLit) {
        self.scopes.push(None);
        for element in &lit.elements {
            match element {
                Element::Value(value) => self.expr(value),
                Element::Comprehension(comprehension) => self.comprehension(comprehension),
            }
        }
        if let Some(Some(rest)) = &lit.ellipsis {
            self.expr(rest);
        }
        self.scopes.pop();
    }

    fn expr(&mut self, expr: &'p Expr) {
        match expr {
            Expr::Field { .. } => {
                self.resolve(expr);
            }
            Expr::Selector(subject, _) => {
                self.resolve(expr);
                self.expr(subject);
            }
            Expr::Index(subject, index) => {
                self.resolve(expr);
                self.expr(subject);
                self.expr(index);
            }
            Expr::Slice(subject, low, high) => {
                self.expr(subject);
                low.iter().chain(high).for_each(|bound| self.expr(bound));
            }
            Expr::Bound(_, value) | Expr::Unary(_, value) | Expr::Dynamic { label: value, .. } => self.expr(value),
            Expr::Binary(_, left, right) | Expr::And(left, right) => {
                self.expr(left);
                self.expr(right);
            }
            Expr::Interpolation { parts, .. } => parts.iter().for_each(|part| self.expr(part)),
            Expr::Or { values, .. } => values.iter().for_each(|(value, _)| self.expr(value)),
            Expr::Call(function, arguments) => {
                self.expr(function);
                arguments.iter().for_each(|argument| self.expr(argument));
            }
            Expr::Struct(lit) => self.struct_lit(lit),
            Expr::List(lit) => self.list(lit),
            _ => {}
        }
    }

    /// The values that a reference leads to, as far as the text of the policy tells; all are noted.
    fn resolve(&mut self, expr: &'p Expr) -> Vec<&'p Expr> {
        let values: Vec<&'p Expr> = match expr {
            Expr::Field { up, label } => {
                let scope = self.scopes.iter().rev().nth(*up).copied().flatten();
                scope.map(|lit| fields(lit, *label)).unwrap_or_default()
            }
            Expr::Selector(subject, label) => {
                let subjects = self.resolve(subject);
                subjects.into_iter().flat_map(structs).flat_map(|lit| fields(lit, *label)).collect()
            }
            _ => Vec::new(),
        };
        self.found.extend(values.iter().map(|value| place(value)));
        values
    }
}

/// The struct literals that a value is made of.
fn structs(value: &Expr) -> Vec<&StructLit> {
    match value {
        Expr::Struct(lit) => vec![lit],
        Expr::And(left, right) => [structs(left), structs(right)].concat(),
        _ => Vec::new(),
    }
}

fn fields(lit: &StructLit, name: Label) -> Vec<&Expr> {
    let named = |decl: &'_ Decl| matches!(decl, Decl::Field { label, .. } if *label == name);
    let values = lit.decls.iter().filter(|decl| named(decl));
    values.filter_map(|decl| if let Decl::Field { value, .. } = decl { Some(value) } else { None }).collect()
}
