//! What functions of the packages may ask of the evaluator.

use super::error::Stop;
use super::types::{Base, CloseInfo, Conjunct, Elem, NO_ENV, Value};
use super::{Eval, Validation};
use crate::builtins::{self, BuiltinError, Host, Schema};

impl<'p> Host for Eval<'p> {
    fn spend(&mut self, steps: u64) -> Result<(), BuiltinError> {
        Self::spend(self, steps).map_err(|stop| self.unsupported(stop))
    }

    fn unify(&mut self, schema: Schema, with: &builtins::Value) -> Result<Option<builtins::Value>, BuiltinError> {
        let Some(schema) = self.schemas.get(schema.0).cloned() else { return Ok(None) };
        // What the constraint loses here is no loss of the function's own result.
        let lossy = self.lossy;
        let result = self.import_plain(with).and_then(|value| {
            let conjunct =
                |value: Value<'p>| Conjunct { env: NO_ENV, elem: Elem::Value(value), close: CloseInfo::default() };
            let v = self.inline(vec![conjunct(schema), conjunct(value)])?;
            self.finalize(v)?;
            if let Base::Value(Value::Bottom(bottom)) = &self.vertices[self.deref(v)].base
                && !bottom.is_incomplete()
            {
                return Ok(None);
            }
            self.plain_of(&Value::Vertex(v)).map(Some)
        });
        self.lossy = lossy;
        result.map_err(|stop| self.unsupported(stop))
    }

    fn satisfies(
        &mut self,
        schema: Schema,
        value: &builtins::Value,
        asked: builtins::Validation,
    ) -> Result<bool, BuiltinError> {
        let Some(schema) = self.schemas.get(schema.0).cloned() else { return Ok(false) };
        let result = self.import_plain(value).and_then(|value| {
            let v = self.inline(Vec::new())?;
            self.add_parts(v, [schema, value].into_iter());
            let last = asked == builtins::Validation::Final;
            let found = self.validate(v, Validation { last, ..Validation::default() })?;
            Ok(found.is_none() && (last || self.own_error(v).is_none()))
        });
        result.map_err(|stop| self.unsupported(stop))
    }

    fn describe(&self, schema: Schema) -> String {
        self.schemas.get(schema.0).map(|schema| self.print(schema)).unwrap_or_default()
    }
}

impl<'p> Eval<'p> {
    fn unsupported(&self, stop: Stop<'p>) -> BuiltinError {
        match stop {
            Stop::Unsupported(message) => BuiltinError::Unsupported(message),
            Stop::Error(bottom) if bottom.is_incomplete() => BuiltinError::Incomplete(self.summary(&bottom.messages)),
            Stop::Error(bottom) => BuiltinError::Eval(self.summary(&bottom.messages)),
        }
    }
}
