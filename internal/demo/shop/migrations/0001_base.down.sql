DROP TABLE shipments;
DROP TABLE orders;
DROP TABLE customers;
DROP TABLE products;
