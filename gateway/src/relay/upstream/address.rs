//! Which addresses an upstream may be at: those that anybody on the internet can reach anyway. What stands behind this
//! gateway, on its machine or in its network, is nobody's upstream, whatever name it goes by.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// May we connect to this address?
pub fn is_permitted(address: IpAddr, loopback_too: bool) -> bool {
    let address = address.to_canonical();
    (loopback_too && address.is_loopback()) || is_public(address)
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => match embedded(v6) {
            Some(v4) => is_public_v4(v4),
            None => is_public_v6(v6),
        },
    }
}

/// By IANA's registry of special addresses. Documentation and benchmarks stand in it, too: nobody answers there.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let special = match address.octets() {
        [0 | 10 | 127, ..] | [100, 64..=127, ..] | [169, 254, ..] | [172, 16..=31, ..] | [192, 168, ..] => true,
        [192, 0, 0 | 2, _] | [192, 88, 99, _] | [198, 18 | 19, ..] | [198, 51, 100, _] | [203, 0, 113, _] => true,
        // Multicast, reserved, broadcast.
        [224..=255, ..] => true,
        _ => false,
    };
    !special
}

/// Only 2000::/3 is given out, and of that not what has a meaning of its own.
fn is_public_v6(address: Ipv6Addr) -> bool {
    match address.segments() {
        // Teredo, ORCHID and other protocols; documentation; 6to4 was looked into before.
        [0x2001, 0..=0x01ff, ..] | [0x2001, 0x0db8, ..] | [0x2002, ..] | [0x3fff, 0..=0x0fff, ..] => false,
        [first, ..] => (0x2000..=0x3fff).contains(&first),
    }
}

/// The IPv4 address that a translator (NAT64) or a tunnel (6to4) would take this to.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let v4 = |high: u16, low: u16| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    match [a, b, c, d, e, f] {
        [0x0064, 0xff9b, 0, 0, 0, 0] => Some(v4(g, h)),
        [0x2002, high, low, ..] => Some(v4(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permitted(address: &str, loopback_too: bool) -> bool {
        is_permitted(address.parse().unwrap(), loopback_too)
    }

    #[test]
    fn whatever_is_not_public_is_refused_in_every_spelling() {
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "10.1.2.3",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
        ] {
            let v4: Ipv4Addr = address.parse().unwrap();
            let [a, b, c, d] = v4.octets().map(u16::from);
            let (high, low) = (a << 8 | b, c << 8 | d);
            assert!(!permitted(address, false), "{address}");
            for form in [
                format!("::ffff:{address}"),
                format!("64:ff9b::{address}"),
                format!("2002:{high:x}:{low:x}::1"),
                format!("::{address}"),
            ] {
                assert!(!permitted(&form, false), "{form}");
            }
        }
        for address in [
            "::",
            "::1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:1ff::1",
            "2001:db8::1",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fdff::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!permitted(address, false), "{address}");
        }
    }

    #[test]
    fn what_is_public_is_permitted() {
        for address in [
            "1.1.1.1",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "198.17.0.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2001:200::1",
            "::ffff:1.1.1.1",
            "64:ff9b::1.1.1.1",
            "2002:101:101::1",
        ] {
            assert!(permitted(address, false), "{address}");
        }
    }

    #[test]
    fn the_demo_may_connect_to_its_own_machine_and_to_no_other_that_is_not_public() {
        for address in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
            assert!(permitted(address, true), "{address}");
        }
        for address in ["10.0.0.1", "0.0.0.0", "::", "169.254.169.254", "fe80::1", "64:ff9b::127.0.0.1"] {
            assert!(!permitted(address, true), "{address}");
        }
    }
}
