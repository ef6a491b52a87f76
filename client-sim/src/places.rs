//! Which client plays what, and when it joins: decided by the plan alone, so that several processes agree on it.

use std::time::Duration;

use crate::plan::Plan;

/// One client of a plan.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Place {
    /// Its number among all.
    pub(crate) number: u32,
    /// Which of the plan's classes it belongs to.
    pub(crate) class: usize,
    /// How long after the beginning it joins.
    pub(crate) joins_after: Duration,
}

/// Every client of `plan`, in the order in which they join. The classes are mixed evenly all along.
pub(crate) fn places(plan: &Plan) -> Vec<Place> {
    let mut order: Vec<(f64, usize, u32)> = Vec::new();
    for (class, clients) in plan.classes.iter().map(|class| class.clients).enumerate() {
        let middle = |index: u32| (f64::from(index) + 0.5) / f64::from(clients);
        order.extend((0..clients).map(|index| (middle(index), class, index)));
    }
    order.sort_by(|(a, a_class, _), (b, b_class, _)| a.total_cmp(b).then(a_class.cmp(b_class)));
    let wait = |index: u32, per_s: Option<f64>| per_s.map_or(0.0, |per_s| f64::from(index) / per_s);
    (0..)
        .zip(order)
        .map(|(number, (_, class, index))| {
            let seconds = wait(number, plan.ramp).max(wait(index, plan.classes[class].ramp));
            let joins_after = Duration::from_secs_f64(seconds.min(NEVER_S));
            Place { number, class, joins_after }
        })
        .collect()
}

/// Three years: who joins that late never does.
const NEVER_S: f64 = 1e8;

#[cfg(test)]
mod tests {
    use daystar_client::builder::Trust;

    use super::*;
    use crate::plan::Class;

    fn plan(classes: Vec<Class>, ramp: Option<f64>) -> Plan {
        let plan = Plan::new(([127, 0, 0, 1], 1).into(), Trust::Anyone, classes);
        Plan { ramp, ..plan }
    }

    #[test]
    fn classes_are_mixed_all_along() {
        let places = places(&plan(vec![Class::new("a", 9), Class::new("b", 3)], None));
        assert!(places.iter().map(|place| place.number).eq(0..12));
        for quarter in places.chunks(4) {
            assert_eq!(quarter.iter().filter(|place| place.class == 1).count(), 1, "{places:?}");
        }
        assert!(places.iter().all(|place| place.joins_after.is_zero()));
    }

    #[test]
    fn the_slower_ramp_counts() {
        let slow = Class { ramp: Some(1.0), ..Class::new("b", 2) };
        let places = places(&plan(vec![Class::new("a", 2), slow], Some(10.0)));
        let waits = places.iter().map(|place| (place.class, place.joins_after.as_millis()));
        assert_eq!(waits.collect::<Vec<_>>(), [(0, 0), (1, 100), (0, 200), (1, 1000)]);
    }
}
