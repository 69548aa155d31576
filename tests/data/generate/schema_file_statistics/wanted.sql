CREATE TABLE z(a, b);
