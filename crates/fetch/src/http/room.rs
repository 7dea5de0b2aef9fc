//! How much memory answers may take together, over runs that go on side by side.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Room for bodies of answers. Clones share it. What finds no room is an error and not a wait: two runs that each held a
/// part and waited for more would wait for ever.
#[derive(Debug, Clone, Default)]
pub struct AnswerRoom {
    levels: Vec<(Arc<AtomicU64>, u64)>,
}

impl AnswerRoom {
    /// So many bytes.
    pub fn new(bytes: u64) -> Self {
        Self { levels: vec![(Arc::default(), bytes)] }
    }

    /// A part of this room: at most so many bytes of it.
    #[must_use]
    pub fn share(&self, bytes: u64) -> Self {
        let mut levels = self.levels.clone();
        levels.push((Arc::default(), bytes));
        Self { levels }
    }

    /// Takes room for more bytes; gives the limit that they go beyond. They are taken in any case.
    pub(crate) fn take(&self, more: u64) -> Result<(), u64> {
        let mut result = Ok(());
        for (taken, limit) in &self.levels {
            if taken.fetch_add(more, Ordering::Relaxed).saturating_add(more) > *limit {
                result = Err(*limit);
            }
        }
        result
    }

    pub(crate) fn release(&self, bytes: u64) {
        for (taken, _) in &self.levels {
            taken.fetch_sub(bytes, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn share_and_whole_are_both_bounded() {
        let whole = AnswerRoom::new(100);
        let (one, two) = (whole.share(60), whole.share(60));
        assert_eq!(one.take(60), Ok(()));
        assert_eq!(one.take(1), Err(60));
        one.release(1);
        assert_eq!(two.take(40), Ok(()));
        assert_eq!(two.take(1), Err(100));
        two.release(41);
        one.release(60);
        assert_eq!(two.take(60), Ok(()));
        assert_eq!(AnswerRoom::default().take(u64::MAX), Ok(()));
    }
}
