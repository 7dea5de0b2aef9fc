//! Answers of registries for everybody who asks the same within one run: a tag that two inquiries ask for has one
//! meaning, and costs one request.

use std::collections::HashMap;

use sigward_verify::evidence::{Answer, Method, Need, Service};
use sigward_verify::image::Repository;

use crate::limits;

/// Who waits for an answer: the inquiry, and the place in its list of needs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asker {
    pub(crate) index: usize,
    pub(crate) place: usize,
}

/// What makes two needs the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Question {
    url: String,
    accept: Option<&'static str>,
    repository: Option<Repository>,
    limit: usize,
}

impl Question {
    /// The question of a need, if its answer may be shared.
    pub(crate) fn of(need: &Need) -> Option<Self> {
        let is_shared = need.service == Service::Registry && need.method == Method::Get && need.body.is_none();
        let Need { url, accept, repository, limit, .. } = need;
        is_shared.then(|| Self { url: url.clone(), accept: *accept, repository: repository.clone(), limit: *limit })
    }
}

/// What is known of a question when it is asked.
pub(crate) enum Known {
    /// Nothing: whoever asks is the first.
    Nothing,
    /// Somebody has asked; the answer will come for both.
    UnderWay,
    Answer(Box<Answer>),
}

enum State {
    UnderWay(Vec<Asker>),
    Answered(Box<Answer>),
}

/// The questions of one run.
#[derive(Default)]
pub(crate) struct Sharing {
    questions: HashMap<Question, State>,
    kept: usize,
}

impl Sharing {
    pub(crate) fn ask(&mut self, question: &Question, asker: Asker) -> Known {
        match self.questions.get_mut(question) {
            Some(State::Answered(answer)) => Known::Answer(answer.clone()),
            Some(State::UnderWay(waiting)) => {
                waiting.push(asker);
                Known::UnderWay
            }
            None => {
                self.questions.insert(question.clone(), State::UnderWay(Vec::new()));
                Known::Nothing
            }
        }
    }

    /// The answer has come: gives who else waits for it, and keeps it for others if it is one of the server and there
    /// is room.
    pub(crate) fn answered(&mut self, question: Question, answer: Option<&Answer>) -> Vec<Asker> {
        let waiting = match self.questions.remove(&question) {
            Some(State::UnderWay(waiting)) => waiting,
            Some(State::Answered(_)) | None => Vec::new(),
        };
        if let Some(answer) = answer
            && let Ok(response) = &answer.outcome
        {
            let size = response.body.len().saturating_add(question.url.len()).saturating_add(answer.url.len());
            if self.kept.saturating_add(size) <= limits::SHARED_BYTES {
                self.kept += size;
                self.questions.insert(question, State::Answered(Box::new(answer.clone())));
            }
        }
        waiting
    }
}
