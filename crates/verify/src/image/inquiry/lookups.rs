//! Log entries of signatures that came without one (specs/cosign.md §2.3).

use super::{ImageInquiry, Next, State};
use crate::entity::SignedEntity;
use crate::evidence::{Answer, Inquiry, Step};
use crate::image::verdict::Evidence;
use crate::image::{EvidenceFault, ImageError};
use crate::limits;
use crate::rekor::{EntrySearch, LookupError, LookupRequest};
use crate::tlog::LogEntry;

/// Look-ups under way.
#[derive(Debug)]
pub(super) struct Lookups {
    searches: Vec<(Evidence, EntrySearch, usize)>,
}

impl ImageInquiry<'_> {
    pub(super) fn start_lookups(&mut self, lacking: Vec<Evidence>, url: &str) -> Next {
        if lacking.len() > limits::IMAGE_LOOKUPS {
            let (found, limit) = (lacking.len(), limits::IMAGE_LOOKUPS);
            return Err(ImageError::TooMany { what: "signatures without a log entry", found, limit });
        }
        let mut lookups = Lookups { searches: Vec::new() };
        for evidence in lacking {
            match self.request(&evidence) {
                Some(request) => lookups.searches.push((evidence, EntrySearch::new(request, url), 0)),
                None => self.reject(evidence.origin, EvidenceFault::Lookup(Box::new(LookupError::NotFound))),
            }
        }
        self.step_lookups(lookups, &mut Vec::new().into_iter())
    }

    fn request(&self, evidence: &Evidence) -> Option<LookupRequest> {
        let image = self.image?;
        let judge = self.judge_of(&image);
        let proof = judge.verifier().check_locally(&evidence.entity, &evidence.artifact).ok()?;
        LookupRequest::new(&proof, &evidence.artifact)
    }

    pub(super) fn read_lookups(&mut self, lookups: Lookups, answers: Vec<Answer>) -> Next {
        self.step_lookups(lookups, &mut answers.into_iter())
    }

    fn step_lookups(&mut self, lookups: Lookups, answers: &mut std::vec::IntoIter<Answer>) -> Next {
        let mut going_on = Lookups { searches: Vec::new() };
        let mut needs = Vec::new();
        for (evidence, mut search, asked) in lookups.searches {
            match search.step(answers.take(asked).collect()) {
                Step::Need(more) => {
                    going_on.searches.push((evidence, search, more.len()));
                    needs.extend(more);
                }
                Step::Done(entries) => self.accept_entry(evidence, entries)?,
                Step::Failed(error) => self.reject(evidence.origin, EvidenceFault::Lookup(Box::new(error))),
            }
        }
        if needs.is_empty() {
            return self.next_phase();
        }
        self.state = State::Lookups(going_on);
        Ok(Step::Need(needs))
    }

    fn accept_entry(&mut self, mut evidence: Evidence, entries: Vec<LogEntry>) -> Result<(), ImageError> {
        let entry = match self.choose(&evidence.entity, &evidence, entries) {
            Ok(entry) => entry,
            Err(fault) => {
                self.reject(evidence.origin, fault);
                return Ok(());
            }
        };
        evidence.entity.add_log_entry(entry);
        self.judge(evidence)
    }

    fn choose(
        &self,
        entity: &SignedEntity,
        evidence: &Evidence,
        entries: Vec<LogEntry>,
    ) -> Result<LogEntry, EvidenceFault> {
        let image = self.image_digest()?;
        let judge = self.judge_of(&image);
        let proof = judge.verifier().check_locally(entity, &evidence.artifact)?;
        EntrySearch::choose(&proof, evidence.artifact.digests(), entries, &self.material.logs)
            .map_err(|error| EvidenceFault::Lookup(Box::new(error)))
    }
}
