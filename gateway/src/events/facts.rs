//! What is known of events, so that a thousand viewers who come at once are one question.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Mutex as AsyncMutex;
use tokio::time::Instant;
use uuid::Uuid;

use super::kernel::{Facts, Kernel};
use crate::error::ApiError;

/// More than are asked for in a while, unless somebody makes ids up.
const MAX_KEPT: usize = 10_000;

/// What the database said of one event, and when. Whoever asks, holds it.
type Answer = Arc<AsyncMutex<Option<(Instant, Arc<Facts>)>>>;

/// Remembers for a few seconds.
#[derive(Debug)]
pub struct Known {
    kernel: Kernel,
    good_for: Duration,
    answers: Mutex<HashMap<Uuid, Answer>>,
}

impl Known {
    /// Of this database.
    pub fn new(kernel: Kernel, good_for: Duration) -> Self {
        Self { kernel, good_for, answers: Mutex::default() }
    }

    /// What is known of an event. While the database is away, what was known last.
    pub async fn of(&self, event: Uuid) -> Result<Arc<Facts>, ApiError> {
        let answer = self.answer(event);
        let mut answer = answer.lock().await;
        if let Some((at, facts)) = answer.as_ref()
            && at.elapsed() < self.good_for
        {
            return Ok(Arc::clone(facts));
        }
        match (self.kernel.facts(event).await, answer.as_ref()) {
            (Ok(facts), _) => {
                let facts = Arc::new(facts);
                *answer = Some((Instant::now(), Arc::clone(&facts)));
                Ok(facts)
            }
            (Err(error), Some((_, facts))) if error.status().is_server_error() => Ok(Arc::clone(facts)),
            (Err(error), _) => Err(error),
        }
    }

    /// It has changed.
    pub fn forget(&self, event: Uuid) {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).remove(&event);
    }

    fn answer(&self, event: Uuid) -> Answer {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.len() >= MAX_KEPT && !answers.contains_key(&event) {
            answers.clear();
        }
        Arc::clone(answers.entry(event).or_default())
    }
}
