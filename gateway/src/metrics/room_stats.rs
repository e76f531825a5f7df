//! What the database knows about live rooms.

use std::collections::BTreeMap;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::Registry;
use serde::Deserialize;

/// What `room_stats()` answers.
#[derive(Debug, Deserialize)]
pub struct RoomStats {
    rooms: i64,
    hosts_with_several_rooms: i64,
    live_sessions: i64,
    scheduled_sessions: i64,
    stuck: i64,
    recoveries: BTreeMap<String, u64>,
}

impl RoomStats {
    /// Puts all of it on a page.
    pub fn register(self, registry: &mut Registry) {
        let help = "Rooms that there are: each was made on its host's first visit, or taken over";
        registry.register("rooms", help, ConstGauge::new(self.rooms));
        let help =
            "Hosts who have more than one room: none since rooms are made under a lock, but for those taken over";
        registry.register("hosts_with_several_rooms", help, ConstGauge::new(self.hosts_with_several_rooms));
        let sessions: Family<[(&str, &str); 1], Gauge> = Family::default();
        sessions.get_or_create(&[("status", "live")]).set(self.live_sessions);
        sessions.get_or_create(&[("status", "scheduled")]).set(self.scheduled_sessions);
        registry.register("room_sessions", "Sessions of rooms that are open now", sessions);
        registry.register("stuck_rooms", "What stuck_rooms() lists now", ConstGauge::new(self.stuck));
        let recoveries: Family<[(&str, String); 1], Counter> = Family::default();
        for (found_by, count) in self.recoveries {
            recoveries.get_or_create(&[("found_by", found_by)]).inc_by(count);
        }
        registry.register("room_recoveries", "Stuck rooms that were put right, by what found them", recoveries);
    }
}
