//! Health: what blows take and time gives back.

use daystar::prelude::*;

use crate::settings::HEAL_EVERY;

/// The health of a player or a creature, as it was when it last changed. It grows again by itself, which is calculated from the
/// time that has passed since: a thousand who heal need no task.
#[managed]
#[derive(Copy, Debug, PartialEq, Eq)]
pub struct Health {
    /// How many points were left.
    pub points: u16,
    /// When that was.
    pub since: Timestamp,
}

impl Health {
    /// So many points from now on.
    pub fn new(points: u16, now: Timestamp) -> Self {
        Self { points, since: now }
    }

    /// The points by now, of `max` at most.
    pub fn by(self, now: Timestamp, max: u16) -> u16 {
        let healed = now.since(self.since).as_millis() / HEAL_EVERY.as_millis().max(1);
        u16::try_from(healed).unwrap_or(u16::MAX).saturating_add(self.points).min(max)
    }

    /// Takes `damage`; the points that are left, which is none for who dies.
    pub fn hurt(&mut self, damage: u16, now: Timestamp, max: u16) -> u16 {
        *self = Self::new(self.by(now, max).saturating_sub(damage), now);
        self.points
    }

    /// Gives `points` back, up to `max`; the points that there are now.
    pub fn heal(&mut self, points: u16, now: Timestamp, max: u16) -> u16 {
        *self = Self::new(self.by(now, max).saturating_add(points).min(max), now);
        self.points
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp { unix_ms: 1_000_000 };

    #[test]
    fn time_heals_up_to_the_most_and_blows_take_down_to_nothing() {
        let mut health = Health::new(50, START);
        assert_eq!(health.by(START, 100), 50);
        assert_eq!(health.by(START.after(HEAL_EVERY * 7), 100), 57);
        assert_eq!(health.by(START.after(HEAL_EVERY * 1_000_000), 100), 100);

        let later = START.after(HEAL_EVERY * 10);
        assert_eq!(health.hurt(15, later, 100), 45);
        assert_eq!(health.by(later.after(HEAL_EVERY), 100), 46);
        assert_eq!(health.hurt(46, later, 100), 0);
    }

    #[test]
    fn food_heals_no_more_than_there_is_room_for() {
        let mut health = Health::new(90, START);
        assert_eq!(health.heal(5, START, 100), 95);
        assert_eq!(health.heal(u16::MAX, START, 100), 100);
    }
}
