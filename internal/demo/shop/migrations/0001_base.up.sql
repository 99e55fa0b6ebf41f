-- The shop as v1 knows it, with something to sell and some history.
CREATE TABLE products (
  id          INTEGER PRIMARY KEY,
  name        TEXT    NOT NULL,
  price_cents INTEGER NOT NULL CHECK (price_cents > 0),
  stock       INTEGER NOT NULL DEFAULT 100
);
CREATE TABLE customers (
  id    INTEGER PRIMARY KEY,
  name  TEXT NOT NULL,
  email TEXT NOT NULL UNIQUE
);
CREATE TABLE orders (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  customer_id INTEGER NOT NULL REFERENCES customers (id),
  product_id  INTEGER NOT NULL REFERENCES products (id),
  quantity    INTEGER NOT NULL CHECK (quantity > 0),
  total_cents INTEGER NOT NULL,
  state       TEXT    NOT NULL DEFAULT 'new',
  note        TEXT    NOT NULL DEFAULT '',
  created_at  TEXT    NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
);
CREATE INDEX orders_by_state ON orders (state, id);
CREATE TABLE shipments (
  order_id   INTEGER PRIMARY KEY REFERENCES orders (id),
  worker     TEXT NOT NULL,
  shipped_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
);
INSERT INTO products (id, name, price_cents) VALUES
  (1, 'Altimeter, brass', 18900), (2, 'Aviator scarf', 2900), (3, 'Bubble sextant', 32500), (4, 'Chart of the Azores', 1450),
  (5, 'Cockpit lamp, red', 3990), (6, 'Compass, floating', 8700), (7, 'Flight log, ruled', 1290), (8, 'Fuel gauge', 6400),
  (9, 'Goggles, clear', 4550), (10, 'Goggles, smoked', 4950), (11, 'Headset, canvas', 12900), (12, 'Instrument screws, 50', 590),
  (13, 'Kneeboard', 3490), (14, 'Leather gloves', 5900), (15, 'Pencil, grease', 290), (16, 'Propeller clock', 15900),
  (17, 'Radio crystal', 990), (18, 'Runway lantern', 7450), (19, 'Signal flags', 2750), (20, 'Spark plug', 1150),
  (21, 'Thermos, steel', 2490), (22, 'Turn indicator', 21900), (23, 'Windsock, orange', 3850), (24, 'Wool socks', 1190);
INSERT INTO customers (id, name, email)
  WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 120)
  SELECT i, 'Customer ' || i, 'customer' || i || '@example.com' FROM n;
INSERT INTO orders (id, customer_id, product_id, quantity, total_cents, state, created_at)
  WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200)
  SELECT 86800 + i, 1 + (i * 7) % 120, p.id, 1 + i % 3, p.price_cents * (1 + i % 3), 'done',
         strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-' || (1201 - i) || ' minutes')
  FROM n JOIN products p ON p.id = 1 + (i * 5) % 24;
INSERT INTO shipments (order_id, worker, shipped_at) SELECT id, 'seed', created_at FROM orders;
