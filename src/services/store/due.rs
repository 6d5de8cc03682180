//! The order in which questions go out.

use std::collections::{BTreeMap, VecDeque};

use super::question::{Open, Stage};
use crate::callout::Leader;
use crate::expiring::Digest;
use crate::services::ServiceId;

/// How many entries may be of no use before they are cleared away.
const SLACK: usize = 64;

/// Questions that are due: of each service the oldest first, and the services in turn, so that none waits for another's.
/// What a question's stage says counts: an entry whose question was answered, dropped or sent meanwhile is passed over,
/// so that taking a question out of the middle costs nothing.
#[derive(Debug)]
pub(super) struct Due {
    services: Box<[Queues]>,
    /// Whose turn is next.
    turn: usize,
}

/// The questions to one service.
#[derive(Clone, Debug, Default)]
struct Queues {
    by_anybody: VecDeque<Digest>,
    by_tick: VecDeque<Digest>,
}

impl Due {
    /// Nothing is due to any of so many services.
    pub(super) fn new(services: usize) -> Self {
        Self {
            services: vec![Queues::default(); services].into(),
            turn: 0,
        }
    }

    /// Adds an open question that has this stage now.
    pub(super) fn push(&mut self, digest: Digest, stage: Stage, open: &BTreeMap<Digest, Open>) {
        let service = open.get(&digest).map(|open| open.question.service);
        let Some(queues) = service.and_then(|id| self.services.get_mut(usize::from(id.0))) else {
            return;
        };
        let queue = match stage {
            Stage::Wanted => &mut queues.by_anybody,
            Stage::WantedByTick => &mut queues.by_tick,
            Stage::Elsewhere | Stage::Flying => return,
        };
        // Clients that come and go leave entries behind. Each clearing is paid for by as many entries as it looks at.
        if queue.len() > open.len().saturating_mul(2).saturating_add(SLACK) {
            queue.retain(|digest| is_at(digest, stage, open));
        }
        queue.push_back(digest);
    }

    /// The next question that this callback may send, to one of the services that may be asked.
    pub(super) fn pop(
        &mut self,
        leader: Leader,
        open: &BTreeMap<Digest, Open>,
        may_be_asked: impl Fn(ServiceId) -> bool,
    ) -> Option<Digest> {
        let many = self.services.len();
        for at in (self.turn..many).chain(0..self.turn.min(many)) {
            let Some(queues) = self.services.get_mut(at) else {
                continue;
            };
            if !u16::try_from(at).is_ok_and(|id| may_be_asked(ServiceId(id))) {
                continue;
            }
            let of_tick = match leader {
                Leader::Tick => pop(&mut queues.by_tick, Stage::WantedByTick, open),
                Leader::Request => None,
            };
            if let Some(digest) =
                of_tick.or_else(|| pop(&mut queues.by_anybody, Stage::Wanted, open))
            {
                self.turn = at.saturating_add(1);
                return Some(digest);
            }
        }
        None
    }

    /// The first so many questions to a service that this callback may send; they stay.
    pub(super) fn peek<'d>(
        &'d self,
        service: ServiceId,
        leader: Leader,
        many: usize,
        open: &'d BTreeMap<Digest, Open>,
    ) -> impl Iterator<Item = Digest> + 'd {
        let queues = self.services.get(usize::from(service.0));
        let by_tick = queues.filter(|_| leader == Leader::Tick).into_iter();
        let by_tick = by_tick.flat_map(|queues| &queues.by_tick);
        let by_tick = by_tick.map(|digest| (digest, Stage::WantedByTick));
        let by_anybody = queues.into_iter().flat_map(|queues| &queues.by_anybody);
        let by_anybody = by_anybody.map(|digest| (digest, Stage::Wanted));
        by_tick
            .chain(by_anybody)
            .take(many)
            .filter(|(digest, stage)| is_at(digest, *stage, open))
            .map(|(digest, _)| *digest)
    }
}

fn pop(
    queue: &mut VecDeque<Digest>,
    stage: Stage,
    open: &BTreeMap<Digest, Open>,
) -> Option<Digest> {
    loop {
        let digest = queue.pop_front()?;
        if is_at(&digest, stage, open) {
            return Some(digest);
        }
    }
}

fn is_at(digest: &Digest, stage: Stage, open: &BTreeMap<Digest, Open>) -> bool {
    open.get(digest).is_some_and(|open| open.stage == stage)
}
