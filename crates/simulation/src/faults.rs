//! What can go wrong in a run, and how often. Probabilities are thousandths per call.

/// A kind of fault that a run can be without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Deaths.
    Crash,
    /// Throttled tables.
    Throttle,
    /// Refusals for now, and outages.
    Refuse,
    /// Lost replies.
    LoseReply,
    /// Late landings and slow answers.
    Late,
    /// Writes to a row that are long under way.
    LateRows,
    /// Refused log-ins.
    Auth,
    /// Messages that come again.
    Duplicate,
    /// Stale reads.
    Stale,
    /// Late commits.
    LateCommit,
    /// Deletes.
    Delete,
    /// Prospects that may have another lead.
    Release,
    /// Changed addresses.
    Address,
    /// Shared addresses.
    Namesakes,
    /// Second edits within a second.
    Hasty,
    /// Values that do not fit.
    Unfit,
    /// Automations of the org.
    Automation,
    /// Polls at the same time.
    Overlap,
    /// A used-up day.
    Quota,
    /// Fields that are mapped anew.
    Remap,
}

impl Kind {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::Crash,
        Self::Throttle,
        Self::Refuse,
        Self::LoseReply,
        Self::Late,
        Self::LateRows,
        Self::Auth,
        Self::Duplicate,
        Self::Stale,
        Self::LateCommit,
        Self::Delete,
        Self::Release,
        Self::Address,
        Self::Namesakes,
        Self::Hasty,
        Self::Unfit,
        Self::Automation,
        Self::Overlap,
        Self::Quota,
        Self::Remap,
    ];
}

/// Some kinds of faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Kinds(u32);

impl Kinds {
    /// These and one more.
    #[must_use]
    pub fn and(self, kind: Kind) -> Self {
        Self(self.0 | (1 << kind as u32))
    }

    /// Whether this kind is among them.
    #[must_use]
    pub fn has(self, kind: Kind) -> bool {
        self.0 & (1 << kind as u32) != 0
    }
}

/// How many of a thousand calls take long where services are slow.
const SLOW: u32 = 500;

/// The faults of a run.
#[derive(Debug, Clone, Copy)]
pub struct Faults {
    /// Whether they happen at all; off while the system drains.
    pub on: bool,
    /// A process dies at an await point.
    pub crash: u32,
    /// A table answers that it is throttled, before or after it did what it was asked.
    pub throttle: u32,
    /// A service refuses for now: a lock, a 503.
    pub refuse: u32,
    /// The reply of a service is lost after the write landed.
    pub lose_reply: u32,
    /// A write takes so long that it lands when its sender has given up.
    pub late: u32,
    /// A write to a row of ours is under way for seconds.
    pub late_rows: u32,
    /// A service refuses the log-in.
    pub auth: u32,
    /// A message is delivered again although it was finished.
    pub duplicate: u32,
    /// A read of a prospect shows a state of the last minute instead of the present one (K4).
    pub stale: u32,
    /// A user's transaction commits long after its stamp.
    pub late_commit: u32,
    /// A user deletes or undeletes a record instead of editing it.
    pub deletes: u32,
    /// Somebody lets the prospect of a lead that was just deleted have another one later.
    pub releases: u32,
    /// A user changes the address of a record.
    pub addresses: u32,
    /// A new person has the address of another one.
    pub shared_addresses: u32,
    /// A user who has edited a record edits it again within a second.
    pub hasty: u32,
    /// A marketer enters a value that Salesforce does not take.
    pub unfit: u32,
    /// An automation of the org changes a field of a lead in the transaction of our own write.
    pub automation: u32,
    /// Salesforce takes no write at all for hours, so that messages die.
    pub outage: bool,
    /// Answers take nearly as long as the clients wait for them, so that processes run out of time.
    pub slow: bool,
    /// Polls may run at the same time, against the deployment's reserved concurrency.
    pub polls_overlap: bool,
    /// An operator maps a field to another one of the lead, and users fill in both.
    pub remaps: bool,
    /// Many people at once.
    pub crowd: bool,
    /// So many calls to Account Engagement are left of the day.
    pub calls_left: Option<u32>,
    /// So many calls to Salesforce are left of the last 24 hours.
    pub crm_calls_left: Option<u32>,
}

impl Faults {
    /// What chance brings in one run: most runs have a few kinds, some have all.
    #[must_use]
    pub fn draw(rng: &mut fastrand::Rng, with_cache: bool) -> Self {
        let slow = rng.u32(0..8) == 0;
        let mut often = |most: u32| {
            if rng.bool() { rng.u32(1..=most) } else { 0 }
        };
        Self {
            on: true,
            crash: often(20),
            throttle: often(40),
            refuse: often(60),
            lose_reply: often(80),
            late: if slow { SLOW } else { often(80) },
            late_rows: often(100),
            auth: often(2),
            duplicate: often(200),
            stale: if with_cache { often(500) } else { 0 },
            late_commit: often(300),
            deletes: often(500),
            releases: often(1_000),
            addresses: often(100),
            shared_addresses: often(500),
            hasty: often(300),
            unfit: often(100),
            automation: often(100),
            outage: rng.u32(0..32) == 0,
            slow,
            polls_overlap: rng.u32(0..8) == 0,
            remaps: rng.u32(0..8) == 0,
            crowd: rng.u32(0..16) == 0,
            calls_left: (rng.u32(0..16) == 0).then(|| rng.u32(5..150)),
            crm_calls_left: (rng.u32(0..16) == 0).then(|| rng.u32(5..150)),
        }
    }

    /// The same run without these kinds.
    #[must_use]
    pub fn without(mut self, kinds: Kinds) -> Self {
        let rates = [
            (Kind::Crash, &mut self.crash),
            (Kind::Throttle, &mut self.throttle),
            (Kind::Refuse, &mut self.refuse),
            (Kind::LoseReply, &mut self.lose_reply),
            (Kind::Late, &mut self.late),
            (Kind::LateRows, &mut self.late_rows),
            (Kind::Auth, &mut self.auth),
            (Kind::Duplicate, &mut self.duplicate),
            (Kind::Stale, &mut self.stale),
            (Kind::LateCommit, &mut self.late_commit),
            (Kind::Delete, &mut self.deletes),
            (Kind::Release, &mut self.releases),
            (Kind::Address, &mut self.addresses),
            (Kind::Namesakes, &mut self.shared_addresses),
            (Kind::Hasty, &mut self.hasty),
            (Kind::Unfit, &mut self.unfit),
            (Kind::Automation, &mut self.automation),
        ];
        for (_, rate) in rates.into_iter().filter(|(kind, _)| kinds.has(*kind)) {
            *rate = 0;
        }
        self.outage &= !kinds.has(Kind::Refuse);
        self.slow &= !kinds.has(Kind::Late);
        self.remaps &= !kinds.has(Kind::Remap);
        self.calls_left = self.calls_left.filter(|_| !kinds.has(Kind::Quota));
        self.crm_calls_left = self.crm_calls_left.filter(|_| !kinds.has(Kind::Quota));
        self.polls_overlap &= !kinds.has(Kind::Overlap);
        self
    }
}
