//! Whether nearly all requests come from one network: then it is a load balancer's, or one attacker's.

use std::time::Duration;

use crate::client::ClientNetwork;
use crate::time::MonoTime;

/// How long requests are counted before half of them are forgotten.
const WINDOW: Duration = Duration::from_secs(60);
/// How many requests there must be, so that the first one is not all.
const MIN_SAMPLES: u32 = 32;

/// A vote among the networks of the last minute or two: each request is one for its network and one against the leading
/// one, if that is another.
#[derive(Debug, Default)]
pub(super) struct Crowd {
    leader: Option<ClientNetwork>,
    /// How many more there were of its requests than of others.
    lead: u32,
    total: u32,
    since: Option<MonoTime>,
}

impl Crowd {
    /// Counts a request of this network.
    pub(super) fn count(&mut self, network: ClientNetwork, now: MonoTime) {
        let passed = self.since.map_or(Duration::ZERO, |since| now.since(since));
        let starts_anew = self.since.is_none_or(|since| now < since) || passed >= 2 * WINDOW;
        if starts_anew {
            (self.lead, self.total) = (0, 0);
        } else if passed >= WINDOW {
            (self.lead, self.total) = (self.lead / 2, self.total / 2);
        }
        if starts_anew || passed >= WINDOW {
            self.since = Some(now);
        }
        self.total = self.total.saturating_add(1);
        if self.leader == Some(network) {
            self.lead = self.lead.saturating_add(1);
        } else if self.lead == 0 {
            (self.leader, self.lead) = (Some(network), 1);
        } else {
            self.lead = self.lead.saturating_sub(1);
        }
    }

    /// Whether nine of ten requests come from this network: a lead of eight.
    pub(super) fn is(&self, network: ClientNetwork) -> bool {
        self.leader == Some(network)
            && self.total >= MIN_SAMPLES
            && u64::from(self.lead) * 10 >= u64::from(self.total) * 8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BALANCER: ClientNetwork = ClientNetwork::V4(1);
    const OTHER: ClientNetwork = ClientNetwork::V4(2);

    fn at(secs: u64) -> MonoTime {
        MonoTime::from_secs(1000 + secs)
    }

    /// Of a hundred requests so many come from one network.
    fn of_hundred(many: u32) -> Crowd {
        let mut crowd = Crowd::default();
        for each in 0..1000 {
            let own = each * 37 % 100 < many;
            crowd.count(
                if own {
                    BALANCER
                } else {
                    ClientNetwork::V4(2 + each)
                },
                at(1),
            );
        }
        crowd
    }

    #[test]
    fn nine_of_ten_are_a_crowd_and_eight_are_none() {
        for (many, want) in [
            (100, true),
            (92, true),
            (88, false),
            (50, false),
            (0, false),
        ] {
            assert_eq!(of_hundred(many).is(BALANCER), want, "{many}");
        }
        assert!(!of_hundred(100).is(OTHER));
    }

    #[test]
    fn a_few_requests_are_no_crowd_and_a_minute_forgets_them() {
        let mut crowd = Crowd::default();
        for _ in 0..31 {
            crowd.count(BALANCER, at(0));
        }
        assert!(!crowd.is(BALANCER));
        crowd.count(BALANCER, at(1));
        assert!(crowd.is(BALANCER));
        for _ in 0..4 {
            crowd.count(OTHER, at(61));
        }
        assert!(!crowd.is(BALANCER));
        let mut crowd = of_hundred(100);
        crowd.count(OTHER, at(500));
        assert!(!crowd.is(BALANCER));
        let mut crowd = of_hundred(100);
        crowd.count(OTHER, at(0));
        assert!(!crowd.is(BALANCER), "a clock that went back begins anew");
    }
}
