//! What strict evaluation finds missing ([`crate::strict`] says what is asked).

use std::collections::{HashMap, HashSet};

use super::Eval;
use super::error::R;
use super::types::{Base, Conjunct, Elem, Status, Value, VertexId};
use crate::expr::{ArcType, Decl, Element, Expr};
use crate::label::{Label, LabelKind};
use crate::references::place;

/// More fields of a document than this are found by a table.
const TABLE_FROM: usize = 16;

/// Vertices that stand for each other are followed this far.
const MAX_LINKS: usize = 8;

/// What a field lacks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Presence {
    /// The document has it, or has what is around it.
    Given,
    /// Only the policy speaks of it.
    Missing,
    /// A hidden field: it need not be concrete.
    Hidden,
}

struct Search<'a> {
    /// Fields that the policy refers to, by the place of their value.
    referred: &'a HashSet<usize>,
    path: Vec<Label>,
    found: Vec<String>,
    visited: HashSet<(VertexId, bool)>,
}

impl<'p> Eval<'p> {
    /// What is missing, one message each, in the order of the value's fields.
    pub(crate) fn missing(
        &mut self,
        root: VertexId,
        document: &'p Expr,
        referred: &HashSet<usize>,
    ) -> R<'p, Vec<String>> {
        self.finalize(root)?;
        let mut search = Search { referred, path: Vec::new(), found: Vec::new(), visited: HashSet::new() };
        self.search(&mut search, root, Some(document), Presence::Given)?;
        Ok(search.found)
    }

    fn search(
        &mut self,
        search: &mut Search<'_>,
        v: VertexId,
        document: Option<&'p Expr>,
        presence: Presence,
    ) -> R<'p, ()> {
        self.spend(1)?;
        if self.vertices[v].status == Status::New {
            // Plain data that the policy does not speak of.
            return Ok(());
        }
        let mut w = self.deref(v);
        if document.is_none() && !search.visited.insert((w, presence == Presence::Hidden)) {
            return Ok(());
        }
        if let Base::Value(Value::Bottom(bottom)) = self.vertices[w].base.clone() {
            if bottom.is_incomplete() && !bottom.child_error {
                self.tell(search, &self.summary(&bottom.messages));
            }
            if !bottom.has_recursive {
                return Ok(());
            }
        }
        let value = self.value_of(w);
        let value = match Self::caught(self.default_of(value.clone()))? {
            Ok(default) => default,
            Err(_) => value,
        };
        match &value {
            Value::Vertex(chosen) => w = self.deref(*chosen),
            Value::Bottom(_) => {}
            value if value.is_concrete() || presence == Presence::Hidden => return Ok(()),
            value => {
                let text = self.print(value);
                self.tell(search, &format!("not known: {text}"));
                return Ok(());
            }
        }
        self.search_fields(search, w, document, presence)?;
        for (n, element) in self.elements(w).into_iter().enumerate() {
            search.path.push(Label::index(n));
            let document = document.and_then(|d| element_of(d, n));
            self.nested(|e| e.search(search, element, document, presence))?;
            search.path.pop();
        }
        Ok(())
    }

    fn search_fields(
        &mut self,
        search: &mut Search<'_>,
        w: VertexId,
        document: Option<&'p Expr>,
        presence: Presence,
    ) -> R<'p, ()> {
        let members = members_of(document);
        // What the document has here, and nothing has asked for, is there.
        let arcs = match document {
            Some(Expr::Struct(lit)) if self.is_postponed(w, lit) => self.vertices[w].arcs.made().collect(),
            _ => self.arcs_of(w),
        };
        for arc in arcs {
            let field = &self.vertices[arc];
            let Some(label) = field.label.filter(|l| l.as_index().is_none()) else { continue };
            if field.is_let || field.arc != ArcType::Member {
                continue;
            }
            search.path.push(label);
            match self.names.kind(label) {
                LabelKind::Regular => {
                    let given = members.get(label);
                    if presence == Presence::Hidden || given.is_some() {
                        self.nested(|e| e.search(search, arc, given, presence))?;
                    } else {
                        self.nested(|e| e.judge_missing(search, arc))?;
                    }
                }
                LabelKind::Hidden if !self.is_referred(arc, search.referred) => {
                    self.nested(|e| e.search(search, arc, None, Presence::Hidden))?;
                }
                _ => {}
            }
            search.path.pop();
        }
        Ok(())
    }

    /// A field that the policy declares and the document lacks.
    fn judge_missing(&mut self, search: &mut Search<'_>, arc: VertexId) -> R<'p, ()> {
        let w = self.deref(arc);
        let value = match self.value_of(w) {
            value @ Value::Bottom(_) => value,
            value => match Self::caught(self.default_of(value.clone()))? {
                // The policy says what is meant where the field is missing.
                Ok(default) if matches!(value, Value::Disjunction(_)) && default.is_concrete() => return Ok(()),
                _ => value,
            },
        };
        match value {
            Value::Bottom(_) => return self.search(search, arc, None, Presence::Missing),
            Value::Vertex(inner) if !matches!(self.vertices[self.deref(inner)].base, Base::List { .. }) => {
                let vertex = &self.vertices[self.deref(inner)];
                if !vertex.arcs.is_empty() || !vertex.patterns.is_empty() || self.declares(arc) {
                    return self.search(search, arc, None, Presence::Missing);
                }
            }
            value if value.is_concrete() => {
                let how = self.derivation(arc, 0);
                let is_condition = how == Derivation::Computed && matches!(value, Value::Bool(_));
                let is_own = how >= Derivation::Reference && self.is_referred(arc, search.referred);
                if is_condition || is_own {
                    return Ok(());
                }
            }
            _ => {}
        }
        self.tell(search, "the policy constrains this field, and the document does not have it");
        Ok(())
    }

    /// Whether a struct is written that has more in it than `...`: a comprehension may have made nothing.
    fn declares(&self, v: VertexId) -> bool {
        self.vertices[v].conjuncts.iter().any(|conjunct| {
            let lit = match conjunct.elem {
                Elem::Expr(Expr::Struct(lit)) | Elem::Struct(lit) => lit,
                _ => return false,
            };
            lit.decls.iter().any(|decl| !matches!(decl, Decl::Ellipsis))
        })
    }

    /// How the policy says what the value of a field is.
    fn derivation(&self, v: VertexId, links: usize) -> Derivation {
        let of_conjunct = |conjunct: &Conjunct<'p>| match &conjunct.elem {
            Elem::Expr(expr) => derivation_of(expr),
            Elem::Value(Value::Vertex(other)) if links < MAX_LINKS => self.derivation(*other, links.saturating_add(1)),
            _ => Derivation::Literal,
        };
        self.vertices[v].conjuncts.iter().map(of_conjunct).max().unwrap_or(Derivation::Literal)
    }

    fn is_referred(&self, v: VertexId, referred: &HashSet<usize>) -> bool {
        self.is_referred_through(v, referred, 0)
    }

    fn is_referred_through(&self, v: VertexId, referred: &HashSet<usize>, links: usize) -> bool {
        self.vertices[v].conjuncts.iter().any(|conjunct| match &conjunct.elem {
            Elem::Expr(expr) => referred.contains(&place(expr)),
            Elem::Value(Value::Vertex(other)) if links < MAX_LINKS => {
                self.is_referred_through(*other, referred, links.saturating_add(1))
            }
            _ => false,
        })
    }

    fn tell(&self, search: &mut Search<'_>, text: &str) {
        let mut path = String::new();
        for label in &search.path {
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(&self.names.selector(*label).to_string());
        }
        let message = match text.strip_prefix(&format!("{path}: ")) {
            Some(text) => format!("{path}: {text}"),
            None if path.is_empty() => text.to_owned(),
            None => format!("{path}: {text}"),
        };
        search.found.push(message);
    }
}

/// How a value is said, the plainest way first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Derivation {
    /// It is written out, or only constrained.
    Literal,
    /// It is that of another field.
    Reference,
    /// A function or an operator works it out.
    Computed,
}

fn derivation_of(expr: &Expr) -> Derivation {
    match expr {
        Expr::Call(..) | Expr::Binary(..) | Expr::Interpolation { .. } | Expr::Slice(..) => Derivation::Computed,
        Expr::Unary(_, operand) => match **operand {
            Expr::Number(_) => Derivation::Literal,
            _ => Derivation::Computed,
        },
        Expr::Field { .. }
        | Expr::Let { .. }
        | Expr::Value { .. }
        | Expr::Dynamic { .. }
        | Expr::LabelName { .. }
        | Expr::Selector(..)
        | Expr::Index(..) => Derivation::Reference,
        Expr::And(left, right) => derivation_of(left).max(derivation_of(right)),
        _ => Derivation::Literal,
    }
}

/// The members of a document's object.
enum Members<'p> {
    Few(&'p [Decl]),
    Many(HashMap<Label, &'p Expr>),
}

fn members_of(document: Option<&Expr>) -> Members<'_> {
    let decls: &[Decl] = if let Some(Expr::Struct(lit)) = document { &lit.decls } else { &[] };
    if decls.len() < TABLE_FROM {
        return Members::Few(decls);
    }
    Members::Many(decls.iter().filter_map(member).collect())
}

fn member(decl: &Decl) -> Option<(Label, &Expr)> {
    if let Decl::Field { label, value, .. } = decl { Some((*label, value)) } else { None }
}

impl<'p> Members<'p> {
    fn get(&self, name: Label) -> Option<&'p Expr> {
        match self {
            Self::Few(decls) => decls.iter().filter_map(member).find(|(label, _)| *label == name).map(|(_, v)| v),
            Self::Many(table) => table.get(&name).copied(),
        }
    }
}

fn element_of(document: &Expr, n: usize) -> Option<&Expr> {
    match document {
        Expr::List(lit) => lit.elements.get(n).and_then(|e| if let Element::Value(v) = e { Some(v) } else { None }),
        _ => None,
    }
}
