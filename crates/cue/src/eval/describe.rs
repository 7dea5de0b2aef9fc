//! A finished vertex as a tree of plain data.

use std::collections::BTreeMap;

use super::Eval;
use super::error::{Bottom, Code, R};
use super::types::{Base, Value, VertexId};
use crate::expr::ArcType;
use crate::label::LabelKind;
use crate::tree::{self, Fault, FaultClass, MAX_TREE_DEPTH, MAX_TREE_NODES, Node};

impl<'p> Eval<'p> {
    pub(crate) fn describe(&mut self, v: VertexId, depth: usize, nodes: &mut usize) -> R<'p, Node> {
        *nodes = nodes.saturating_add(1);
        if depth > MAX_TREE_DEPTH || *nodes > MAX_TREE_NODES {
            return Ok(Node { error: None, base: tree::Base::TooDeep, fields: BTreeMap::new() });
        }
        self.finalize(v)?;
        let w = self.deref(v);
        let error = self.own_error(w).map(|bottom| self.fault(&bottom));
        let base = match self.vertices[w].base.clone() {
            Base::Struct => tree::Base::Struct,
            Base::None | Base::Link(_) => match self.value_of(w) {
                Value::Vertex(_) => tree::Base::Struct,
                value => self.describe_value(value, depth, nodes)?.base,
            },
            // A list with an error in it is an error, and has its elements still.
            Base::List { .. } | Base::Value(Value::Bottom(_)) if !self.elements(w).is_empty() => {
                let mut elements = Vec::new();
                for element in self.elements(w) {
                    elements.push(self.describe(element, depth.saturating_add(1), nodes)?);
                }
                tree::Base::List(elements)
            }
            Base::List { .. } => tree::Base::List(Vec::new()),
            Base::Value(value) => self.describe_value(value, depth, nodes)?.base,
        };
        let mut fields = BTreeMap::new();
        for arc in self.arcs_of(w) {
            let field = &self.vertices[arc];
            let Some(label) = field.label.filter(|l| l.as_index().is_none()) else { continue };
            if field.is_let || field.arc > ArcType::Optional || self.names.kind(label) == LabelKind::Let {
                continue;
            }
            let name = format!("{}{}", self.names.selector(label), field.arc.suffix());
            let described = self.describe(arc, depth.saturating_add(1), nodes)?;
            fields.insert(name, described);
        }
        Ok(Node { error, base, fields })
    }

    fn describe_value(&mut self, value: Value<'p>, depth: usize, nodes: &mut usize) -> R<'p, Node> {
        *nodes = nodes.saturating_add(1);
        if depth > MAX_TREE_DEPTH || *nodes > MAX_TREE_NODES {
            return Ok(Node { error: None, base: tree::Base::TooDeep, fields: BTreeMap::new() });
        }
        let base = match value {
            Value::Vertex(v) => return self.describe(v, depth.saturating_add(1), nodes),
            Value::Bottom(bottom) => {
                let error = Some(self.fault(&bottom));
                return Ok(Node { error, base: tree::Base::Error, fields: BTreeMap::new() });
            }
            Value::Disjunction(disjunction) => {
                let (mut defaults, mut others) = (Vec::new(), Vec::new());
                for (n, value) in disjunction.values.iter().enumerate() {
                    let described = self.describe_value(value.clone(), depth.saturating_add(1), nodes)?;
                    let side = if n < disjunction.defaults { &mut defaults } else { &mut others };
                    side.push(described);
                }
                tree::Base::Alternatives { defaults, others }
            }
            Value::Conjunction(values) => {
                let mut texts: Vec<String> = values.iter().map(|value| self.print(value)).collect();
                texts.sort_unstable();
                tree::Base::Scalar(texts)
            }
            value => tree::Base::Scalar(vec![self.print(&value)]),
        };
        Ok(Node { error: None, base, fields: BTreeMap::new() })
    }

    fn fault(&self, bottom: &Bottom<'p>) -> Fault {
        let class = match bottom.code {
            Code::Eval => FaultClass::Eval,
            Code::User | Code::LegacyUser => FaultClass::User,
            Code::StructuralCycle => FaultClass::StructuralCycle,
            Code::Incomplete => FaultClass::Incomplete,
            Code::Cycle => FaultClass::Cycle,
        };
        Fault { class, messages: self.texts(bottom) }
    }
}
