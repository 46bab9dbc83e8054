-- Only statements of the milestone change a shop after its first row: effect, onLimit and onPeriodEnd.
CREATE TABLE shops (
  id     INTEGER PRIMARY KEY,
  name   TEXT NOT NULL,
  online INTEGER NOT NULL CHECK (online IN (0, 1))
) STRICT;

-- When a shop went online or offline, and why: written by the same statements.
CREATE TABLE shop_changes (
  id     INTEGER PRIMARY KEY,
  shop   INTEGER NOT NULL REFERENCES shops,
  at     TEXT NOT NULL,
  online INTEGER NOT NULL CHECK (online IN (0, 1)),
  why    TEXT NOT NULL
) STRICT;

-- What each shop may spend and spends in a month, in cents, and how the spend is cut into increments: a later run makes the
-- same ones again.
CREATE TABLE shop_months (
  shop   INTEGER NOT NULL REFERENCES shops,
  month  TEXT NOT NULL,
  budget INTEGER NOT NULL,
  spent  INTEGER NOT NULL,
  splits INTEGER NOT NULL,
  seed   INTEGER NOT NULL,
  PRIMARY KEY (shop, month)
) STRICT, WITHOUT ROWID;

-- How far time has come, which never goes back, and whose midnight ends a month.
CREATE TABLE shop_clock (
  id   INTEGER PRIMARY KEY CHECK (id = 1),
  zone TEXT NOT NULL,
  now  TEXT
) STRICT;
