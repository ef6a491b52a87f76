//! The numbers to play with.

use std::ops::RangeInclusive;
use std::time::Duration;

/// The side of a region, in tiles. Smaller regions: fewer players share one, but walkers cross more often.
pub const REGION_SIDE: u16 = 4;

/// How far a player sees by day, and is heard at any time, in tiles, in every direction.
pub const SIGHT: u16 = 4;

/// How far a player sees at night, in tiles; no farther than by day.
pub const SIGHT_AT_NIGHT: u16 = 2;

/// How far a player reaches, in tiles: one is the eight tiles around.
pub const REACH: u16 = 1;

/// How long an hour of the island's day takes.
pub const HOUR: Duration = Duration::from_secs(60);

/// The hours of the island's day, of which the first begins at midnight.
pub const HOURS_A_DAY: u64 = 24;

/// The hour at which the sun rises.
pub const SUNRISE: u64 = 6;

/// The hour at which the sun sets.
pub const SUNSET: u64 = 20;

/// What every new player starts with.
pub const START_GOLD: u64 = 100;

/// How healthy a player can be, and a new one is.
pub const HEALTH_MAX: u16 = 100;

/// How many items a pack holds.
pub const PACK_ITEMS_MAX: usize = 20;

/// How much a player can carry, in grams.
pub const PACK_GRAMS_MAX: u32 = 30_000;

/// How soon a player can take the next step or stroke, if they do not stop.
pub const ACT_EVERY: Duration = Duration::from_millis(100);

/// How many steps and strokes a player who has rested can do at once.
pub const ACT_BURST: u32 = 20;

/// How many strokes of the axe fell a tree.
pub const TREE_STROKES: u8 = 3;

/// How many strokes of the pick break the ore out of a vein.
pub const VEIN_STROKES: u8 = 5;

/// How many casts of the net it takes to catch a fish.
pub const SHOAL_CASTS: u8 = 2;

/// How much more fame a player needs to rise on the leaderboard. Smaller steps: the board is more exact, and players
/// meet there more often.
pub const FAME_STEP: u64 = 10;

/// How many players [`Request::Leaders`](crate::messages::Request::Leaders) tells of.
pub const LEADERS_TOLD: usize = 10;

/// The longest thing that can be said, in characters.
pub const SAY_CHARS_MAX: usize = 200;

/// How soon a player can say the next thing, if they do not stop.
pub const SAY_EVERY: Duration = Duration::from_millis(250);

/// How much a player who was silent can say at once.
pub const SAY_BURST: u32 = 100;

/// How soon a player can shout again, if they do not stop. The whole island hears each shout.
pub const SHOUT_EVERY: Duration = Duration::from_secs(10);

/// How often a player who was silent can shout at once.
pub const SHOUT_BURST: u32 = 5;

/// How far apart two players may stand who trade, in tiles.
pub const TRADE_REACH: u16 = 4;

/// How many things one player lays out in a trade: as many as a pack holds.
pub const DEAL_THINGS_MAX: usize = PACK_ITEMS_MAX;

/// How many orders a player has at the market, those included in which something still waits to be collected.
pub const ORDERS_MAX: usize = 10;

/// How much one order buys or sells. It is also how many orders are filled at once at most.
pub const ORDER_AMOUNT_MAX: usize = 20;

/// The highest price that an order names.
pub const ORDER_PRICE_MAX: u64 = 1_000_000;

/// How long an order is on offer at least. It is taken back before it is twice as long.
pub const ORDERS_LAST: Duration = Duration::from_secs(24 * 60 * 60);

/// How many orders for one good are taken back at once, at the most.
pub const EXPIRED_AT_ONCE_MAX: usize = 100;

/// How many percent of each sale the market keeps, rounded down.
pub const MARKET_FEE_PERCENT: u64 = 5;

/// How many of the best prices are told of a book, for each side.
pub const LEVELS_SHOWN: usize = 5;

/// How many orders are looked at to tell the best prices, for each side.
pub const ORDERS_LOOKED_AT_MAX: usize = 100;

/// How many of the last sales of a good are remembered.
pub const PRICE_SALES_MAX: usize = 20;

/// How many of the last hours in which a good was sold are remembered.
pub const PRICE_HOURS_MAX: usize = 48;

/// What it costs to found a guild.
pub const GUILD_FOUNDING_GOLD: u64 = 50;

/// The longest name of a guild, in characters.
pub const GUILD_NAME_CHARS_MAX: usize = 24;

/// How many members a guild has.
pub const GUILD_MEMBERS_MAX: usize = 50;

/// How many players a guild has invited who have not joined; the one who was invited first makes room.
pub const GUILD_INVITED_MAX: usize = 20;

/// How many entries a bank's ledger keeps.
pub const LEDGER_ENTRIES_MAX: u64 = 50;

/// How much gold a guild's officers take out of its bank in one day of the island, all of them together.
pub const WITHDRAWN_A_DAY_MAX: u64 = 200;

/// How long it takes until one point of health has grown again.
pub const HEAL_EVERY: Duration = Duration::from_secs(2);

/// The health that a strike with the bare hands takes.
pub const FISTS: RangeInclusive<u16> = 2..=5;

/// The health that a strike takes if there is a sword in the pack.
pub const SWORD: RangeInclusive<u16> = 10..=16;

/// How soon a player can strike again.
pub const STRIKE_EVERY: Duration = Duration::from_secs(1);

/// How much of their gold players lose when they die.
pub const GOLD_LOST_PERCENT: u64 = 50;

/// What a bed for the night costs.
pub const BED_GOLD: u64 = 5;

/// How long remains lie before they decay.
pub const REMAINS_LAST: Duration = Duration::from_secs(10 * 60);

/// How many crabs there are.
pub const CRABS: u16 = 60;

/// How many boars there are.
pub const BOARS: u16 = 40;

/// How many wolves there are.
pub const WOLVES: u16 = 24;

/// How often a creature does something while somebody is near.
pub const PROWL_EVERY: Duration = Duration::from_secs(1);

/// How many times longer a creature waits between its turns while nobody is near.
pub const DOZING_PERIODS: u32 = 30;

/// How much of its health must be left for a creature not to flee.
pub const WEAK_PERCENT: u16 = 25;

/// How soon a dead creature may come back. It takes up to half as long again, by chance.
pub const COMES_BACK_AFTER: Duration = Duration::from_secs(5 * 60);

/// How often the auditor looks at the whole world.
pub const AUDIT_EVERY: Duration = Duration::from_secs(60);

/// How long a look at the whole world may take. Then the auditor gives it up and begins anew.
pub const AUDIT_PATIENCE: Duration = Duration::from_secs(60 * 60);
