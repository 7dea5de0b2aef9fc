//! The names that a policy uses.

use std::collections::{HashMap, HashSet};

use crate::syntax::ast::{Ast, Clause, Comprehension, Decl, Element, File, Label, Selector};

/// What a file calls by name.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// All names that some expression looks up or selects.
    pub(super) used: HashSet<String>,
    /// References that are asked whether there is anything: `x == _|_`.
    pub(super) tested: HashSet<String>,
    /// Imported packages: name and path.
    pub(super) packages: HashMap<String, String>,
}

/// The names of a file.
pub(super) fn of(file: &File) -> Names {
    let mut names = Names::default();
    for import in &file.imports {
        let path = &*import.path;
        let base = path.rsplit('/').next().unwrap_or(path);
        names.packages.insert(import.name.clone().unwrap_or_else(|| base.to_owned()), path.to_owned());
    }
    decls(&file.decls, &mut names);
    names
}

/// A reference as it is written, without spaces.
pub(super) fn text(ast: &Ast) -> String {
    match ast {
        Ast::Ident(name) => name.clone(),
        Ast::Selector(subject, Selector::Ident(name) | Selector::String(name)) => format!("{}.{name}", text(subject)),
        Ast::Index(subject, _) => format!("{}[…]", text(subject)),
        Ast::Paren(inner) => text(inner),
        _ => String::new(),
    }
}

fn decls(list: &[Decl], out: &mut Names) {
    for decl in list {
        match decl {
            Decl::Field(field) => {
                if let Label::Dynamic(label) | Label::Pattern(label) = &field.label {
                    expr(label, out);
                }
                expr(&field.value, out);
            }
            Decl::Let(_, value) | Decl::Embed(value) => expr(value, out),
            Decl::Comprehension(inner) => comprehension(inner, out),
            Decl::Ellipsis => {}
        }
    }
}

fn comprehension(inner: &Comprehension, out: &mut Names) {
    for clause in &inner.clauses {
        match clause {
            Clause::For { source: value, .. } | Clause::If(value) | Clause::Let(_, value) => expr(value, out),
        }
    }
    decls(&inner.value, out);
}

fn expr(ast: &Ast, out: &mut Names) {
    match ast {
        Ast::Ident(name) => {
            out.used.insert(name.clone());
        }
        Ast::Selector(subject, selector) => {
            let (Selector::Ident(name) | Selector::String(name)) = selector;
            out.used.insert(name.clone());
            expr(subject, out);
        }
        Ast::Interpolation { parts, .. } | Ast::Or(parts) => parts.iter().for_each(|part| expr(part, out)),
        Ast::Struct(list) => decls(list, out),
        Ast::List { elements, ellipsis } => {
            for element in elements {
                match element {
                    Element::Value(value) => expr(value, out),
                    Element::Comprehension(inner) => comprehension(inner, out),
                }
            }
            if let Some(Some(rest)) = ellipsis {
                expr(rest, out);
            }
        }
        Ast::Index(left, right) | Ast::Binary(_, left, right) => {
            if matches!(**right, Ast::Bottom) {
                out.tested.insert(text(left));
            }
            expr(left, out);
            expr(right, out);
        }
        Ast::Slice(subject, low, high) => {
            expr(subject, out);
            low.iter().chain(high).for_each(|bound| expr(bound, out));
        }
        Ast::Call(function, arguments) => {
            expr(function, out);
            arguments.iter().for_each(|argument| expr(argument, out));
        }
        Ast::Unary(_, inner) | Ast::Paren(inner) | Ast::Alias(_, inner) => expr(inner, out),
        Ast::Bottom | Ast::Null | Ast::Bool(_) | Ast::Number(_) | Ast::String(_) | Ast::Bytes(_) => {}
    }
}
