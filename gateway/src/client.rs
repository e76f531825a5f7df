//! Where a client is, for limits by address.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::http::HeaderMap;

const FORWARDED: &str = "x-forwarded-for";

/// The address that a limit counts for. `hops` proxies of ours stand in front of us, and each has added the address that it
/// saw: what stands before these in the header is the client's own invention.
pub fn address(peer: SocketAddr, headers: &HeaderMap, hops: usize) -> IpAddr {
    let forwarded = headers.get_all(FORWARDED).iter().filter_map(|value| value.to_str().ok());
    let addresses: Vec<&str> = forwarded.flat_map(|list| list.split(',')).map(str::trim).collect();
    let seen = hops.checked_sub(1).and_then(|before| addresses.iter().rev().nth(before));
    network(seen.and_then(|address| address.parse().ok()).unwrap_or_else(|| peer.ip()))
}

/// Whoever has one IPv6 address has the 2^64 beside it, too.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(peer: &str, forwarded: &[&str], hops: usize) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(FORWARDED, value.parse().unwrap());
        }
        address(peer.parse().unwrap(), &headers, hops).to_string()
    }

    #[test]
    fn without_a_proxy_nobody_can_say_to_be_somebody_else() {
        assert_eq!(seen("192.0.2.1:9", &["198.51.100.7"], 0), "192.0.2.1");
    }

    #[test]
    fn what_our_proxies_saw_counts_and_what_came_with_it_does_not() {
        let made_up = ["203.0.113.5, 198.51.100.7", "10.0.0.2"];
        assert_eq!(seen("10.0.0.1:9", &made_up, 1), "10.0.0.2");
        assert_eq!(seen("10.0.0.1:9", &made_up, 2), "198.51.100.7");
    }

    #[test]
    fn a_header_that_is_missing_or_nonsense_leaves_the_peer() {
        for (forwarded, hops) in [(&[][..], 1), (&["198.51.100.7"], 2), (&["unknown"], 1), (&[""], 1)] {
            assert_eq!(seen("10.0.0.1:9", forwarded, hops), "10.0.0.1", "{forwarded:?}");
        }
    }

    #[test]
    fn an_ipv6_network_counts_as_one_and_a_mapped_address_as_what_it_maps() {
        assert_eq!(seen("[2001:db8:1:2:3:4:5:6]:9", &[], 0), "2001:db8:1:2::");
        assert_eq!(seen("[::ffff:192.0.2.1]:9", &[], 0), "192.0.2.1");
    }
}
