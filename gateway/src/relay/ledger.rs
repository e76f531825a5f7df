//! What really runs. It is told by what runs itself, and by nobody who should know: the registry says what should be.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::source::Id;

/// Every task, client and buffer of every relay. Clones are the same ledger.
#[derive(Debug, Clone, Default)]
pub struct Ledger(Arc<Mutex<BTreeMap<Id, Running>>>);

/// What runs of one relay.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Running {
    /// Tasks that work for it.
    pub tasks: usize,
    /// Clients that it serves.
    pub clients: usize,
    /// Bytes of the stream that it keeps in memory.
    pub bytes: usize,
}

/// An entry in the ledger, which is taken out when this is dropped.
#[derive(Debug)]
pub struct Guard {
    ledger: Ledger,
    id: Id,
    of: Running,
}

impl Ledger {
    /// A task works for this relay.
    pub fn task(&self, id: Id) -> Guard {
        self.enter(id, Running { tasks: 1, ..Running::default() })
    }

    /// A client is served by this relay.
    pub fn client(&self, id: Id) -> Guard {
        self.enter(id, Running { clients: 1, ..Running::default() })
    }

    /// So many bytes are kept for this relay.
    pub fn bytes(&self, id: Id, bytes: usize) -> Guard {
        self.enter(id, Running { bytes, ..Running::default() })
    }

    /// All that runs at this moment. What does not run is not in it.
    pub fn snapshot(&self) -> BTreeMap<Id, Running> {
        self.entries().clone()
    }

    /// What runs of this relay.
    pub fn of(&self, id: Id) -> Running {
        self.entries().get(&id).copied().unwrap_or_default()
    }

    fn enter(&self, id: Id, of: Running) -> Guard {
        let mut entries = self.entries();
        let running = entries.entry(id).or_default();
        running.tasks += of.tasks;
        running.clients += of.clients;
        running.bytes += of.bytes;
        Guard { ledger: self.clone(), id, of }
    }

    fn entries(&self) -> MutexGuard<'_, BTreeMap<Id, Running>> {
        // A panic elsewhere leaves the numbers as they were.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let mut entries = self.ledger.entries();
        let Some(running) = entries.get_mut(&self.id) else { return };
        running.tasks -= self.of.tasks;
        running.clients -= self.of.clients;
        running.bytes -= self.of.bytes;
        if *running == Running::default() {
            entries.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::relay::source::Kind;

    #[test]
    fn what_runs_is_in_it_for_as_long_as_it_runs() {
        let ledger = Ledger::default();
        let id = Id { key: Uuid::from_u128(1), kind: Kind::Ts, generation: 1 };
        let successor = Id { generation: 2, ..id };
        let guards = (ledger.task(id), ledger.client(id), ledger.client(id), ledger.bytes(id, 188));
        let task = ledger.task(successor);
        assert_eq!(ledger.of(id), Running { tasks: 1, clients: 2, bytes: 188 });
        assert_eq!(ledger.of(successor), Running { tasks: 1, clients: 0, bytes: 0 });
        drop(guards);
        assert_eq!(ledger.snapshot().into_keys().collect::<Vec<_>>(), [successor]);
        drop(task);
        assert!(ledger.snapshot().is_empty());
    }
}
