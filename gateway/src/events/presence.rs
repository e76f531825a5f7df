//! One side of an event on this node, viewers or host: how many are there, and what the database has been told of it.

/// What the database is told: only that the first is there, and that the last has gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// There was nobody, and now there is somebody.
    Here,
    /// The last one has left.
    Gone,
}

/// How many there are, and what is known of it elsewhere.
#[derive(Debug, Default)]
pub struct Presence {
    count: usize,
    /// Whether the database thinks that somebody is here.
    told: bool,
    /// Whether somebody has come since the database was told last. Who came and left while it was away was there all the same.
    came: bool,
    /// Whether it is being told just now.
    under_way: bool,
}

impl Presence {
    /// One more.
    pub fn enter(&mut self) {
        self.count += 1;
        self.came |= self.count == 1;
    }

    /// One less.
    pub fn leave(&mut self) {
        self.count = self.count.saturating_sub(1);
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.count
    }

    /// What the database has to be told next, if anything. Whoever asks, tells it, and then says how that went.
    pub fn next(&mut self) -> Option<Change> {
        if self.under_way {
            return None;
        }
        let change = match (self.told, self.count) {
            (true, 0) => Some(Change::Gone),
            (false, _) if self.came => Some(Change::Here),
            _ => None,
        };
        self.under_way = change.is_some();
        // Who comes from here on is news again, if the database hears of a goodbye first.
        self.came = false;
        change
    }

    /// The database knows. Somebody may have come in the meantime: that is for the next time.
    pub fn done(&mut self, change: Change) {
        self.under_way = false;
        self.told = change == Change::Here;
    }

    /// The database may know or not: it has to be told again.
    pub fn failed(&mut self, change: Change) {
        self.under_way = false;
        self.came |= change == Change::Here;
    }

    /// The database has forgotten it, or had not heard of it yet when it said so. Who is here is told of again; a goodbye that
    /// is still to be told stays: one too many does no harm, and one that is missing keeps an event going.
    pub fn forgotten(&mut self) {
        if self.count > 0 {
            self.told = false;
            self.came = true;
        }
    }

    /// The database does not want to hear of those who are here: they are about to go.
    pub fn over(&mut self) {
        self.told = false;
        self.came = false;
    }

    /// The same, in answer to what it was told.
    pub fn refused(&mut self) {
        self.under_way = false;
        self.over();
    }

    /// Nothing is here, and nothing is to be told.
    pub fn is_settled(&self) -> bool {
        self.count == 0 && !self.told && !self.came && !self.under_way
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(count: usize) -> Presence {
        let mut presence = Presence::default();
        (0..count).for_each(|_| presence.enter());
        presence
    }

    fn tell(presence: &mut Presence) -> Option<Change> {
        presence.next().inspect(|change| presence.done(*change))
    }

    #[test]
    fn only_the_first_and_the_last_are_told() {
        let mut viewers = with(1000);
        assert_eq!((tell(&mut viewers), tell(&mut viewers)), (Some(Change::Here), None));
        (0..999).for_each(|_| viewers.leave());
        assert_eq!(tell(&mut viewers), None);
        viewers.leave();
        assert_eq!((tell(&mut viewers), tell(&mut viewers)), (Some(Change::Gone), None));
        assert!(viewers.is_settled());
    }

    #[test]
    fn who_leaves_and_comes_back_before_it_was_told_has_not_left() {
        let mut viewers = with(1);
        tell(&mut viewers);
        viewers.leave();
        viewers.enter();
        assert_eq!(tell(&mut viewers), None);
        viewers.leave();
        assert_eq!((tell(&mut viewers), tell(&mut viewers)), (Some(Change::Gone), None));
    }

    #[test]
    fn who_came_and_left_while_the_database_was_away_is_told_of() {
        let mut viewers = with(1);
        viewers.leave();
        assert!(!viewers.is_settled());
        assert_eq!(
            (tell(&mut viewers), tell(&mut viewers), tell(&mut viewers)),
            (Some(Change::Here), Some(Change::Gone), None)
        );
    }

    #[test]
    fn what_could_not_be_told_is_told_again() {
        let mut viewers = with(1);
        for _ in 0..3 {
            assert_eq!(viewers.next(), Some(Change::Here));
            viewers.failed(Change::Here);
        }
        tell(&mut viewers);
        viewers.leave();
        for _ in 0..3 {
            assert_eq!(viewers.next(), Some(Change::Gone));
            viewers.failed(Change::Gone);
        }
        assert_eq!((tell(&mut viewers), tell(&mut viewers)), (Some(Change::Gone), None));
    }

    #[test]
    fn what_happens_while_it_is_being_told_is_told_next() {
        let mut viewers = with(1);
        let here = viewers.next().unwrap();
        viewers.leave();
        viewers.done(here);
        let gone = viewers.next().unwrap();
        assert_eq!(gone, Change::Gone);
        viewers.enter();
        viewers.done(gone);
        assert_eq!((tell(&mut viewers), tell(&mut viewers)), (Some(Change::Here), None));
    }

    #[test]
    fn a_database_that_has_forgotten_is_told_again() {
        let mut viewers = with(2);
        tell(&mut viewers);
        viewers.forgotten();
        assert_eq!((tell(&mut viewers), tell(&mut viewers)), (Some(Change::Here), None));
        let mut nobody = Presence::default();
        nobody.forgotten();
        assert!(nobody.is_settled());
    }

    #[test]
    fn a_late_word_that_nobody_is_here_takes_no_goodbye_away() {
        let mut viewers = with(1);
        tell(&mut viewers);
        viewers.leave();
        viewers.forgotten();
        assert_eq!((tell(&mut viewers), tell(&mut viewers)), (Some(Change::Gone), None));
        assert!(viewers.is_settled());
    }
}
