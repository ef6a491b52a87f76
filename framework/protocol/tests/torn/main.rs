//! A session whose connections tear anywhere: what each side says reaches the other in order, once, and all of it.

mod session;

use proptest::collection::vec;
use proptest::prelude::*;

proptest! {
    #[test]
    fn nothing_is_lost_or_doubled_wherever_connections_tear(steps in vec(any::<[u8; 3]>(), 0..300)) {
        session::run(steps.as_flattened());
    }
}
