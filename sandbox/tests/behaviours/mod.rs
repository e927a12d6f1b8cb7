//! The behaviours, by noun.

mod customers;
mod orders;
mod products;
mod setup;

use super::Step;

/// All steps in their order.
pub(crate) fn all() -> Vec<Step> {
    [setup::steps(), products::steps(), customers::steps(), orders::steps(), setup::taking_back()]
        .into_iter()
        .flatten()
        .collect()
}
