//! The storage ports in memory keep their contract.

use connector::memory::{MemoryErrors, MemoryLinks, MemoryQueue, MemoryState};

async fn links() -> MemoryLinks {
    MemoryLinks::default()
}

async fn errors() -> MemoryErrors {
    MemoryErrors::default()
}

async fn state() -> MemoryState {
    MemoryState::default()
}

async fn queue() -> MemoryQueue {
    MemoryQueue::default()
}

connector::links_contract!(links);
connector::errors_contract!(errors);
connector::state_contract!(state);
connector::queue_contract!(queue);
