//! The errors of a value and of what is in it: of a report whose every finding is wrong, very many.

use std::collections::HashSet;
use std::ops::Deref;
use std::rc::Rc;

use super::error::Message;

/// From here on, a table tells which are there.
const TABLE_FROM: usize = 32;

/// Errors, none of them twice.
#[derive(Clone, Debug, Default)]
pub(crate) struct Messages<'p> {
    list: Vec<Rc<Message<'p>>>,
    /// Their places in memory, where they are many.
    known: HashSet<usize>,
}

impl<'p> Messages<'p> {
    pub(super) fn add(&mut self, message: &Rc<Message<'p>>) {
        if self.list.len() < TABLE_FROM {
            if !self.list.iter().any(|known| Rc::ptr_eq(known, message)) {
                self.list.push(Rc::clone(message));
            }
            return;
        }
        if self.known.is_empty() {
            self.known.extend(self.list.iter().map(place));
        }
        if self.known.insert(place(message)) {
            self.list.push(Rc::clone(message));
        }
    }
}

fn place(message: &Rc<Message<'_>>) -> usize {
    Rc::as_ptr(message).addr()
}

impl<'p> From<Vec<Rc<Message<'p>>>> for Messages<'p> {
    fn from(list: Vec<Rc<Message<'p>>>) -> Self {
        Self { list, known: HashSet::new() }
    }
}

impl<'p> Deref for Messages<'p> {
    type Target = [Rc<Message<'p>>];
    fn deref(&self) -> &[Rc<Message<'p>>] {
        &self.list
    }
}
