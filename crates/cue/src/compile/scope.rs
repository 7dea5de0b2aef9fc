//! Scopes: the names that a struct, a clause or an alias makes known.

use std::collections::HashMap;
use std::sync::Arc;

use super::Compiler;
use crate::label::{Label, LabelKind};
use crate::syntax::ast::{self, Ast};

#[derive(Default)]
pub(super) struct Scope {
    /// 1 where an environment stands for the scope when it is evaluated.
    pub(super) up: usize,
    pub(super) names: HashMap<String, Entry>,
    pub(super) aliases: Vec<String>,
    /// The `let` clause of which the text is compiled: it does not see itself.
    pub(super) hidden: Option<String>,
    /// A `for` clause, or a `let` clause that depends on one, in a struct.
    pub(super) is_for: bool,
    /// A clause that names something `_`, which CUE takes for that in names of fields.
    pub(super) names_blank: bool,
    /// The value of one of its fields is compiled.
    pub(super) in_field: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) target: Target,
    pub(super) used: bool,
    /// While a `let` clause is compiled, it may not be met again.
    pub(super) busy: bool,
    pub(super) checked: bool,
    /// A computed name is there only for what stands behind it.
    pub(super) ready: bool,
    /// How long the path is where it is declared.
    pub(super) path: usize,
    /// An alias or a `let` clause: it may not have the name of a field around it, nor the other way round.
    pub(super) is_alias: bool,
}

#[derive(Clone, Debug)]
pub(super) enum Target {
    Field(Label),
    Let {
        label: Label,
        value: Arc<Ast>,
    },
    /// `X=(expression): …`
    Dynamic(Arc<Ast>),
    /// The same, and it is an error.
    Wrong,
    /// `[X=pattern]: …`
    LabelName,
    /// `X=[pattern]: …`
    MatchedField,
    /// `field: X=value`
    Value(Label),
}

impl Scope {
    /// What a name stands for here.
    pub(super) fn get(&self, name: &str) -> Option<&Entry> {
        self.names.get(name).filter(|_| self.hidden.as_deref() != Some(name))
    }
}

impl Entry {
    pub(super) fn new(target: Target, path: usize) -> Self {
        let ready = !matches!(target, Target::Dynamic(_));
        Self { target, used: false, busy: false, checked: false, ready, path, is_alias: false }
    }
}

impl Compiler {
    /// Declares what a struct makes known to all of its fields.
    pub(super) fn declare(&mut self, decls: &[ast::Decl]) -> Scope {
        let mut scope = Scope { up: 1, ..Scope::default() };
        for decl in decls {
            match decl {
                ast::Decl::Field(field) => self.declare_field(&mut scope, field),
                ast::Decl::Let(name, value) => {
                    self.lets = self.lets.saturating_add(1);
                    let label = self.names.intern(LabelKind::Let, &format!("{name}#{:X}", self.lets));
                    let target = Target::Let { label, value: Arc::new(value.clone()) };
                    self.declare_alias(&mut scope, name, target);
                }
                _ => {}
            }
        }
        scope
    }

    fn declare_field(&mut self, scope: &mut Scope, field: &ast::Field) {
        if let Some(alias) = &field.alias {
            let target = match &field.label {
                ast::Label::Ident(name) => Some(Target::Field(self.names.identifier(name))),
                ast::Label::String(text) => Some(Target::Field(self.names.intern(LabelKind::Regular, text))),
                ast::Label::Dynamic(expression) => Some(Target::Dynamic(Arc::new(expression.clone()))),
                ast::Label::Pattern(_) => None,
            };
            if let Some(target) = target {
                self.declare_alias(scope, alias, target);
            }
        }
        if let ast::Label::Ident(name) = &field.label {
            if name == "_" {
                return;
            }
            match scope.names.get(name) {
                Some(Entry { is_alias: false, .. }) => {}
                _ if self.is_taken(scope, name, false) => {}
                _ => {
                    let target = Target::Field(self.names.identifier(name));
                    scope.names.insert(
                        name.clone(),
                        Entry { used: true, checked: true, ..Entry::new(target, self.path.len()) },
                    );
                }
            }
        }
    }

    pub(super) fn declare_alias(&mut self, scope: &mut Scope, name: &str, target: Target) {
        if name == "_" {
            self.error("cannot use _ as alias or let clause");
            return;
        }
        if self.is_taken(scope, name, true) {
            return;
        }
        if scope.names.contains_key(name) {
            self.error(format!("alias {name:?} redeclared in same scope"));
            return;
        }
        scope.aliases.push(name.to_owned());
        let entry = Entry { is_alias: true, ..Entry::new(target, self.path.len()) };
        scope.names.insert(name.to_owned(), entry);
    }

    pub(super) fn pop_scope(&mut self) {
        let Some(scope) = self.scopes.pop() else { return };
        for alias in &scope.aliases {
            if scope.names.get(alias).is_some_and(|e| !e.used) {
                self.error(format!("unreferenced alias or let clause {alias}"));
            }
        }
    }
}
