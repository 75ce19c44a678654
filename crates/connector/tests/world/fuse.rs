//! When a call fails, and how: the process dies before or after it, or its reply is lost. And what
//! people do in the moment before a call.

use std::future::{Future, pending};
use std::sync::{Arc, Mutex};

use connector::Environment;
use tokio::sync::Notify;
use twin::world::lock;

use super::faulty::faulty;

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The process dies, nothing was done.
    CrashBefore,
    /// It was done, then the process dies.
    CrashAfter,
    /// It was done, and nobody learns of it.
    ReplyLost,
    /// It was refused for the moment.
    Refused,
}

impl Failure {
    pub const ALL: [Self; 4] = [
        Self::CrashBefore,
        Self::CrashAfter,
        Self::ReplyLost,
        Self::Refused,
    ];
}

/// Counts the port calls and fails some of them, each once.
#[derive(Default)]
pub struct Fuse {
    at: Vec<(usize, Failure)>,
    names: Mutex<Vec<&'static str>>,
    died: Notify,
    named: Mutex<Option<(&'static str, Failure)>>,
    meddler: Mutex<Option<Meddler>>,
}

/// A call by name, how often it goes undisturbed, and what somebody does just before its next time.
type Meddler = (&'static str, usize, Box<dyn FnOnce() + Send>);

impl Fuse {
    /// Only counts.
    pub fn counting() -> Arc<Self> {
        Arc::default()
    }

    pub fn at(number: usize, failure: Failure) -> Arc<Self> {
        Self::at_each(vec![(number, failure)])
    }

    /// The first call of this name fails.
    pub fn failing(name: &'static str, failure: Failure) -> Arc<Self> {
        Arc::new(Self {
            named: Mutex::new(Some((name, failure))),
            ..Self::default()
        })
    }

    /// Nothing fails; somebody does something just before the first call of this name.
    pub fn meddling(name: &'static str, act: impl FnOnce() + Send + 'static) -> Arc<Self> {
        Self::meddling_after(0, name, act)
    }

    /// The same after so many calls of this name.
    pub fn meddling_after(
        calls: usize,
        name: &'static str,
        act: impl FnOnce() + Send + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            meddler: Mutex::new(Some((name, calls, Box::new(act)))),
            ..Self::default()
        })
    }

    /// Numbers count on over the deaths in between.
    pub fn at_each(at: Vec<(usize, Failure)>) -> Arc<Self> {
        Arc::new(Self {
            at,
            ..Self::default()
        })
    }

    /// The calls so far.
    pub fn names(&self) -> Vec<&'static str> {
        lock(&self.names).clone()
    }

    /// The calls of this name so far.
    pub fn count(&self, name: &str) -> usize {
        let names = lock(&self.names);
        names.iter().filter(|called| **called == name).count()
    }

    /// Ends when the process dies.
    pub async fn death(&self) {
        self.died.notified().await;
    }

    /// The same environment on failing ports.
    pub fn wrap(self: &Arc<Self>, environment: Environment) -> Environment {
        Environment {
            services: faulty(self, environment.services),
            links: faulty(self, environment.links),
            errors: faulty(self, environment.errors),
            state: faulty(self, environment.state),
            queue: faulty(self, environment.queue),
            ..environment
        }
    }

    /// `lost` makes the answer of a call that failed, given whether it may have landed.
    pub async fn pass<T>(
        &self,
        name: &'static str,
        call: impl Future<Output = T>,
        lost: impl FnOnce(bool) -> T,
    ) -> T {
        let number = {
            let mut names = lock(&self.names);
            names.push(name);
            names.len() - 1
        };
        let count = self.count(name);
        let meddler = lock(&self.meddler).take_if(|(at, calls, _)| *at == name && *calls < count);
        if let Some((_, _, act)) = meddler {
            act();
        }
        let named = lock(&self.named).take_if(|(at, _)| *at == name);
        let failure = named.map(|(_, failure)| failure).or_else(|| {
            let mut at = self.at.iter();
            at.find(|(at, _)| *at == number)
                .map(|(_, failure)| *failure)
        });
        let Some(failure) = failure else {
            return call.await;
        };
        match failure {
            Failure::CrashBefore => self.die().await,
            Failure::CrashAfter => {
                call.await;
                self.die().await
            }
            Failure::ReplyLost => {
                call.await;
                lost(true)
            }
            Failure::Refused => lost(false),
        }
    }

    async fn die<T>(&self) -> T {
        self.died.notify_one();
        pending().await
    }
}
