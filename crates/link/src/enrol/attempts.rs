//! Failed enrolments, counted by address.
//!
//! An attempt counts as failed from its beginning until it is forgiven, so that a thousand guesses
//! at once are no better than one after the other. The table is bounded.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

use replica::Mono;

use crate::limits::{ATTEMPT_ADDRESSES_MAX, ATTEMPT_SPAN, ATTEMPTS_MAX};

#[derive(Debug, Default)]
pub(super) struct Attempts(Mutex<HashMap<IpAddr, Vec<Mono>>>);

/// One attempt, failed unless forgiven.
#[must_use]
#[derive(Debug)]
pub(super) struct Attempt {
    place: IpAddr,
    at: Mono,
}

impl Attempts {
    /// Begins an attempt, or returns nothing when the address has used up its own.
    pub(super) fn begin(&self, addr: IpAddr, now: Mono) -> Option<Attempt> {
        let place = place_of(addr);
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let span_ms = u64::try_from(ATTEMPT_SPAN.as_millis()).unwrap_or(u64::MAX);
        let is_recent = |at: &Mono| now.0.saturating_sub(at.0) < span_ms;
        if held.len() >= ATTEMPT_ADDRESSES_MAX && !held.contains_key(&place) {
            held.retain(|_, times| times.last().is_some_and(is_recent));
            if held.len() >= ATTEMPT_ADDRESSES_MAX {
                let quietest = held.iter().min_by_key(|(_, times)| times.last().copied());
                let quietest = quietest.map(|(place, _)| *place);
                quietest.and_then(|place| held.remove(&place));
            }
        }
        let times = held.entry(place).or_default();
        times.retain(is_recent);
        if times.len() >= ATTEMPTS_MAX {
            return None;
        }
        times.push(now);
        Some(Attempt { place, at: now })
    }

    /// Takes an attempt out of the count: it succeeded, or failed for no fault of the caller.
    pub(super) fn forgive(&self, attempt: &Attempt) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(times) = held.get_mut(&attempt.place) {
            if let Some(index) = times.iter().position(|at| *at == attempt.at) {
                times.remove(index);
            }
            if times.is_empty() {
                held.remove(&attempt.place);
            }
        }
    }
}

/// One who holds an IPv6 network holds 2^64 addresses of it, and counts as one.
fn place_of(addr: IpAddr) -> IpAddr {
    match addr.to_canonical() {
        IpAddr::V4(addr) => addr.into(),
        IpAddr::V6(addr) => Ipv6Addr::from_bits(addr.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_failures_a_minute_and_no_more() {
        let attempts = Attempts::default();
        let addr: IpAddr = "192.0.2.1".parse().unwrap();
        for at in 0..5 {
            assert!(attempts.begin(addr, Mono(at)).is_some());
        }
        assert!(attempts.begin(addr, Mono(59_999)).is_none());
        assert!(
            attempts
                .begin("192.0.2.2".parse().unwrap(), Mono(5))
                .is_some()
        );
        assert!(attempts.begin(addr, Mono(60_000)).is_some());
        assert!(attempts.begin(addr, Mono(60_000)).is_none());
    }

    #[test]
    fn forgiven_attempts_do_not_count() {
        let attempts = Attempts::default();
        let addr: IpAddr = "192.0.2.1".parse().unwrap();
        for _ in 0..100 {
            let attempt = attempts.begin(addr, Mono(7)).unwrap();
            attempts.forgive(&attempt);
        }
        assert!(attempts.0.lock().unwrap().is_empty());
    }

    #[test]
    fn an_ipv6_network_counts_as_one_and_mapped_ipv4_as_itself() {
        let attempts = Attempts::default();
        for host in 0..5 {
            let addr = format!("2001:db8::{host}").parse().unwrap();
            assert!(attempts.begin(addr, Mono(0)).is_some());
        }
        assert!(
            attempts
                .begin("2001:db8::ffff".parse().unwrap(), Mono(0))
                .is_none()
        );
        assert!(
            attempts
                .begin("2001:db9::1".parse().unwrap(), Mono(0))
                .is_some()
        );
        let mapped: IpAddr = "::ffff:192.0.2.1".parse().unwrap();
        assert_eq!(place_of(mapped), "192.0.2.1".parse::<IpAddr>().unwrap());
    }

    #[test]
    fn the_table_is_bounded() {
        let attempts = Attempts::default();
        for number in 0..4_200_u32 {
            let addr = IpAddr::V4(number.into());
            assert!(attempts.begin(addr, Mono(u64::from(number))).is_some());
        }
        assert_eq!(attempts.0.lock().unwrap().len(), ATTEMPT_ADDRESSES_MAX);
    }
}
