-- Only statements of the milestone change a shop after its first row: effect, onLimit and onPeriodEnd.
CREATE TABLE shops (
  id     integer PRIMARY KEY,
  name   text NOT NULL,
  online boolean NOT NULL
);

-- When a shop went online or offline, and why: written by the same statements.
CREATE TABLE shop_changes (
  id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  shop   integer NOT NULL REFERENCES shops,
  at     timestamptz NOT NULL,
  online boolean NOT NULL,
  why    text NOT NULL
);

-- What each shop may spend and spends in a month, in cents, and how the spend is cut into increments: a later run makes the
-- same ones again.
CREATE TABLE shop_months (
  shop   integer NOT NULL REFERENCES shops,
  month  text NOT NULL,
  budget bigint NOT NULL,
  spent  bigint NOT NULL,
  splits bigint NOT NULL,
  seed   bigint NOT NULL,
  PRIMARY KEY (shop, month)
);

-- How far time has come, which never goes back, and whose midnight ends a month.
CREATE TABLE shop_clock (
  id   integer PRIMARY KEY CHECK (id = 1),
  zone text NOT NULL,
  now  timestamptz
);
