CREATE TABLE "scores" (player TEXT, level INTEGER, "points" INTEGER, time INTEGER, PRIMARY KEY (player, level)) WITHOUT ROWID;
INSERT INTO scores VALUES ('ada', 1, 10, 99), ('ada', 2, 20, 88), ('alan', 1, 30, 77);
