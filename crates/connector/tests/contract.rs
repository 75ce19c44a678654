//! The storage ports in memory keep their contract.

use std::sync::Arc;

use connector::memory::{MemoryErrors, MemoryLinks, MemoryQueue, MemoryState};

async fn links() -> MemoryLinks {
    MemoryLinks::default()
}

async fn stores() -> (MemoryLinks, Arc<MemoryErrors>) {
    let errors = Arc::default();
    (MemoryLinks::new(&errors), errors)
}

async fn state() -> MemoryState {
    MemoryState::default()
}

async fn queue() -> MemoryQueue {
    MemoryQueue::default()
}

connector::links_contract!(links);
connector::errors_contract!(stores);
connector::state_contract!(state);
connector::queue_contract!(queue);
