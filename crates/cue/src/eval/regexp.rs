//! Regular expressions of policies, compiled once.

use std::rc::Rc;

use super::Eval;
use super::error::{Code, R, Stop};
use crate::builtins::re2::{Fault, Pattern};

impl<'p> Eval<'p> {
    pub(super) fn regexp(&mut self, source: &str) -> R<'p, Rc<Pattern>> {
        if let Some(known) = self.regexps.get(source) {
            return Ok(Rc::clone(known));
        }
        self.spend(100)?;
        match Pattern::new(source) {
            Ok(pattern) => {
                let pattern = Rc::new(pattern);
                self.regexps.insert(source.into(), Rc::clone(&pattern));
                Ok(pattern)
            }
            Err(Fault::Invalid(message)) => self.fail(Code::Eval, "invalid regexp: {}", vec![message.into()]),
            Err(Fault::Unsupported(message)) => Err(Stop::Unsupported(message)),
        }
    }
}
