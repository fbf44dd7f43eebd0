BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('v3.2.0.a');
CREATE TABLE studies (
	study_id INTEGER NOT NULL, 
	study_name VARCHAR(512) NOT NULL, 
	PRIMARY KEY (study_id)
);
INSERT INTO "studies" VALUES(1,'search');
CREATE TABLE study_directions (
	study_direction_id INTEGER NOT NULL, 
	direction VARCHAR(8) NOT NULL, 
	study_id INTEGER NOT NULL, 
	objective INTEGER NOT NULL, 
	PRIMARY KEY (study_direction_id), 
	UNIQUE (study_id, objective), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "study_directions" VALUES(1,'MAXIMIZE',1,0);
CREATE TABLE study_system_attributes (
	study_system_attribute_id INTEGER NOT NULL, 
	study_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (study_system_attribute_id), 
	UNIQUE (study_id, "key"), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
CREATE TABLE study_user_attributes (
	study_user_attribute_id INTEGER NOT NULL, 
	study_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (study_user_attribute_id), 
	UNIQUE (study_id, "key"), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "study_user_attributes" VALUES(2,1,'raynas','{"format": "1", "seed": "5", "reward": "Metric(name=''accuracy'', mode=''max'')", "space: width": "range(8, 33, 8)", "space: blocks.length": "range(1, 5)", "space: blocks[0]": "''Conv'', ''Pool'', ''Skip''", "space: blocks[0].Conv.kernel": "1, 3, 5", "space: blocks[0].Conv.activation": "''relu'', ''silu''", "space: blocks[0].Pool.kind": "''max'', ''mean''", "space: blocks[1]": "''Conv'', ''Pool'', ''Skip''", "space: blocks[1].Conv.kernel": "1, 3, 5", "space: blocks[1].Conv.activation": "''relu'', ''silu''", "space: blocks[1].Pool.kind": "''max'', ''mean''", "space: blocks[2]": "''Conv'', ''Pool'', ''Skip''", "space: blocks[2].Conv.kernel": "1, 3, 5", "space: blocks[2].Conv.activation": "''relu'', ''silu''", "space: blocks[2].Pool.kind": "''max'', ''mean''", "space: blocks[3]": "''Conv'', ''Pool'', ''Skip''", "space: blocks[3].Conv.kernel": "1, 3, 5", "space: blocks[3].Conv.activation": "''relu'', ''silu''", "space: blocks[3].Pool.kind": "''max'', ''mean''"}');
CREATE TABLE trial_heartbeats (
	trial_heartbeat_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	heartbeat DATETIME NOT NULL, 
	PRIMARY KEY (trial_heartbeat_id), 
	UNIQUE (trial_id), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
CREATE TABLE trial_intermediate_values (
	trial_intermediate_value_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	step INTEGER NOT NULL, 
	intermediate_value FLOAT, 
	intermediate_value_type VARCHAR(7) NOT NULL, 
	PRIMARY KEY (trial_intermediate_value_id), 
	UNIQUE (trial_id, step), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_intermediate_values" VALUES(1,1,5,0.1,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(2,2,5,0.1,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(3,3,5,0.1,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(4,4,5,0.1,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(5,5,5,0.1,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(6,6,5,0.1,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(7,7,5,0.1,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(8,8,5,0.1,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(9,9,5,0.1,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(10,10,5,0.1,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(11,11,5,0.1,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(12,12,5,0.1,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(13,13,5,0.1,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(14,14,5,0.1,'FINITE');
CREATE TABLE trial_params (
	param_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	param_name VARCHAR(512), 
	param_value FLOAT, 
	distribution_json TEXT, 
	PRIMARY KEY (param_id), 
	UNIQUE (trial_id, param_name), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_params" VALUES(1,1,'width',32.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 8, "low": 8, "high": 32}}');
INSERT INTO "trial_params" VALUES(2,1,'blocks.length',4.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 4}}');
INSERT INTO "trial_params" VALUES(3,1,'blocks[0]',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["Conv", "Pool", "Skip"]}}');
INSERT INTO "trial_params" VALUES(4,1,'blocks[0].Pool.kind',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["max", "mean"]}}');
INSERT INTO "trial_params" VALUES(5,1,'blocks[1]',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["Conv", "Pool", "Skip"]}}');
INSERT INTO "trial_params" VALUES(6,1,'blocks[1].Conv.kernel',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [1, 3, 5]}}');
INSERT INTO "trial_params" VALUES(7,1,'blocks[1].Conv.activation',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["relu", "silu"]}}');
INSERT INTO "trial_params" VALUES(8,1,'blocks[2]',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["Conv", "Pool", "Skip"]}}');
INSERT INTO "trial_params" VALUES(9,1,'blocks[2].Conv.kernel',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [1, 3, 5]}}');
INSERT INTO "trial_params" VALUES(10,1,'blocks[2].Conv.activation',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["relu", "silu"]}}');
INSERT INTO "trial_params" VALUES(11,1,'blocks[3]',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["Conv", "Pool", "Skip"]}}');
INSERT INTO "trial_params" VALUES(12,1,'blocks[3].Pool.kind',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["max", "mean"]}}');
INSERT INTO "trial_params" VALUES(13,2,'width',32.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 8, "low": 8, "high": 32}}');
INSERT INTO "trial_params" VALUES(14,2,'blocks.length',2.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 4}}');
INSERT INTO "trial_params" VALUES(15,2,'blocks[0]',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["Conv", "Pool", "Skip"]}}');
INSERT INTO "trial_params" VALUES(16,2,'blocks[1]',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["Conv", "Pool", "Skip"]}}');
INSERT INTO "trial_params" VALUES(17,3,'width',8.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 8, "low": 8, "high": 32}}');
INSERT INTO "trial_params" VALUES(18,3,'blocks.length',2.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 4}}');
INSERT INTO "trial_params" VALUES(19,3,'blocks[0]',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["Conv", "Pool", "Skip"]}}');
INSERT INTO "trial_params" VALUES(20,3,'blocks[0].Pool.kind',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["max", "mean"]}}');
INSERT INTO "trial_params" VALUES(21,3,'blocks[1]',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["Conv", "Pool", "Skip"]}}');
INSERT INTO "trial_params" VALUES(22,3,'blocks[1].Conv.kernel',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [1, 3, 5]}}');
INSERT INTO "trial_params" VALUES(23,3,'blocks[1].Conv.activation',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["relu", "silu"]}}');
INSERT INTO "trial_params" VALUES(24,4,'width',24.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 8, "low": 8, "high": 32}}');
INSERT INTO "trial_params" VALUES(25,4,'blocks.length',1.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 4}}');
INSERT INTO "trial_params" VALUES(26,4,'blocks[0]',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["Conv", "Pool", "Skip"]}}');
INSERT INTO "trial_params" VALUES(27,4,'blocks[0].Pool.kind',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["max", "mean"]}}');
INSERT INTO "trial_params" VALUES(28,5,'width',16.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 8, "low": 8, "high": 32}}');
INSERT INTO "trial_params" VALUES(29,5,'blocks.length',1.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 4}}');
INSERT INTO "trial_params" VALUES(30,5,'blocks[0]',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["Conv", "Pool", "Skip"]}}');
INSERT INTO "trial_params" VALUES(31,5,'blocks[0].Pool.kind',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["max", "mean"]}}');
INSERT INTO "trial_params" VALUES(32,6,'width',24.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 8, "low": 8, "high": 32}}');
INSERT INTO "trial_params" VALUES(33,6,'blocks.length',4.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 4}}');
INSERT INTO "trial_params" VALUES(34,6,'blocks[0]',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["Conv", "Pool", "Skip"]}}');
INSERT INTO "trial_params" VALUES(35,6,'blocks[0].Pool.kind',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["max", "mean"]}}');
INSERT INTO "trial_params" VALUES(36,6,'blocks[1]',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["Conv", "Pool", "Skip"]}}');
INSERT INTO "trial_params" VALUES(37,6,'blocks[1].Pool.kind',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["max", "mean"]}}');
INSERT INTO "trial_params" VALUES(38,6,'blocks[2]',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["Conv", "Pool", "Skip"]}}');
INSERT INTO "trial_params" VALUES(39,6,'blocks[2].Pool.kind',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["max", "mean"]}}');
INSERT INTO "trial_params" VALUES(40,6,'blocks[3]',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["Conv", "Pool", "Skip"]}}');
INSERT INTO "trial_params" VALUES(41,6,'blocks[3].Pool.kind',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["max", "mean"]}}');
INSERT INTO "trial_params" VALUES(42,7,'width',32.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 8, "low": 8, "high": 32}}');
INSERT INTO "trial_params" VALUES(43,7,'blocks.length',2.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 4}}');
INSERT INTO "trial_params" VALUES(44,7,'blocks[0]',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["Conv", "Pool", "Skip"]}}');
INSERT INTO "trial_params" VALUES(45,7,'blocks[1]',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["Conv", "Pool", "Skip"]}}');
INSERT INTO "trial_params" VALUES(46,7,'blocks[1].Pool.kind',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["max", "mean"]}}');
INSERT INTO "trial_params" VALUES(47,8,'width',24.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 8, "low": 8, "high": 32}}');
INSERT INTO "trial_params" VALUES(48,8,'blocks.length',2.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 4}}');
INSERT INTO "trial_params" VALUES(49,8,'blocks[0]',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["Conv", "Pool", "Skip"]}}');
INSERT INTO "trial_params" VALUES(50,8,'blocks[1]',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["Conv", "Pool", "Skip"]}}');
INSERT INTO "trial_params" VALUES(51,9,'width',8.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 8, "low": 8, "high": 32}}');
INSERT INTO "trial_params" VALUES(52,9,'blocks.length',4.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 4}}');
INSERT INTO "trial_params" VALUES(53,9,'blocks[0]',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["Conv", "Pool", "Skip"]}}');
INSERT INTO "trial_params" VALUES(54,9,'blocks[0].Pool.kind',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["max", "mean"]}}');
INSERT INTO "trial_params" VALUES(55,9,'blocks[1]',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["Conv", "Pool", "Skip"]}}');
INSERT INTO "trial_params" VALUES(56,9,'blocks[2]',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["Conv", "Pool", "Skip"]}}');
INSERT INTO "trial_params" VALUES(57,9,'blocks[2].Conv.kernel',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [1, 3, 5]}}');
INSERT INTO "trial_params" VALUES(58,9,'blocks[2].Conv.activation',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["relu", "silu"]}}');
INSERT INTO "trial_params" VALUES(59,9,'blocks[3]',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["Conv", "Pool", "Skip"]}}');
INSERT INTO "trial_params" VALUES(60,10,'width',24.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 8, "low": 8, "high": 32}}');
INSERT INTO "trial_params" VALUES(61,10,'blocks.length',4.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 4}}');
INSERT INTO "trial_params" VALUES(62,10,'blocks[0]',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["Conv", "Pool", "Skip"]}}');
INSERT INTO "trial_params" VALUES(63,10,'blocks[0].Pool.kind',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["max", "mean"]}}');
INSERT INTO "trial_params" VALUES(64,10,'blocks[1]',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["Conv", "Pool", "Skip"]}}');
INSERT INTO "trial_params" VALUES(65,10,'blocks[1].Pool.kind',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["max", "mean"]}}');
INSERT INTO "trial_params" VALUES(66,10,'blocks[2]',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["Conv", "Pool", "Skip"]}}');
INSERT INTO "trial_params" VALUES(67,10,'blocks[3]',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["Conv", "Pool", "Skip"]}}');
INSERT INTO "trial_params" VALUES(68,11,'width',8.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 8, "low": 8, "high": 32}}');
INSERT INTO "trial_params" VALUES(69,11,'blocks.length',4.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 4}}');
INSERT INTO "trial_params" VALUES(70,11,'blocks[0]',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["Conv", "Pool", "Skip"]}}');
INSERT INTO "trial_params" VALUES(71,11,'blocks[0].Conv.kernel',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [1, 3, 5]}}');
INSERT INTO "trial_params" VALUES(72,11,'blocks[0].Conv.activation',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["relu", "silu"]}}');
INSERT INTO "trial_params" VALUES(73,11,'blocks[1]',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["Conv", "Pool", "Skip"]}}');
INSERT INTO "trial_params" VALUES(74,11,'blocks[1].Pool.kind',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["max", "mean"]}}');
INSERT INTO "trial_params" VALUES(75,11,'blocks[2]',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["Conv", "Pool", "Skip"]}}');
INSERT INTO "trial_params" VALUES(76,11,'blocks[3]',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["Conv", "Pool", "Skip"]}}');
INSERT INTO "trial_params" VALUES(77,11,'blocks[3].Pool.kind',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["max", "mean"]}}');
INSERT INTO "trial_params" VALUES(78,12,'width',16.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 8, "low": 8, "high": 32}}');
INSERT INTO "trial_params" VALUES(79,12,'blocks.length',2.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 4}}');
INSERT INTO "trial_params" VALUES(80,12,'blocks[0]',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["Conv", "Pool", "Skip"]}}');
INSERT INTO "trial_params" VALUES(81,12,'blocks[1]',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["Conv", "Pool", "Skip"]}}');
INSERT INTO "trial_params" VALUES(82,13,'width',32.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 8, "low": 8, "high": 32}}');
INSERT INTO "trial_params" VALUES(83,13,'blocks.length',4.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 4}}');
INSERT INTO "trial_params" VALUES(84,13,'blocks[0]',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["Conv", "Pool", "Skip"]}}');
INSERT INTO "trial_params" VALUES(85,13,'blocks[1]',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["Conv", "Pool", "Skip"]}}');
INSERT INTO "trial_params" VALUES(86,13,'blocks[1].Pool.kind',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["max", "mean"]}}');
INSERT INTO "trial_params" VALUES(87,13,'blocks[2]',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["Conv", "Pool", "Skip"]}}');
INSERT INTO "trial_params" VALUES(88,13,'blocks[3]',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["Conv", "Pool", "Skip"]}}');
INSERT INTO "trial_params" VALUES(89,14,'width',16.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 8, "low": 8, "high": 32}}');
INSERT INTO "trial_params" VALUES(90,14,'blocks.length',2.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 4}}');
INSERT INTO "trial_params" VALUES(91,14,'blocks[0]',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["Conv", "Pool", "Skip"]}}');
INSERT INTO "trial_params" VALUES(92,14,'blocks[0].Conv.kernel',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [1, 3, 5]}}');
INSERT INTO "trial_params" VALUES(93,14,'blocks[0].Conv.activation',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["relu", "silu"]}}');
INSERT INTO "trial_params" VALUES(94,14,'blocks[1]',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["Conv", "Pool", "Skip"]}}');
INSERT INTO "trial_params" VALUES(95,14,'blocks[1].Pool.kind',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["max", "mean"]}}');
CREATE TABLE trial_system_attributes (
	trial_system_attribute_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (trial_system_attribute_id), 
	UNIQUE (trial_id, "key"), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
CREATE TABLE trial_user_attributes (
	trial_user_attribute_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (trial_user_attribute_id), 
	UNIQUE (trial_id, "key"), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_user_attributes" VALUES(1,1,'started','1795915568.5679643');
INSERT INTO "trial_user_attributes" VALUES(2,2,'started','1795915568.593343');
INSERT INTO "trial_user_attributes" VALUES(3,3,'started','1795915568.6046164');
INSERT INTO "trial_user_attributes" VALUES(4,3,'outcome','{"kind": "completed", "measurement": {"metrics": {"accuracy": 0.06666666666666668}, "seconds": 1.5, "steps": 10, "curve": [{"step": 5, "metrics": {"accuracy": 0.1}}]}, "reward": 0.06666666666666668, "objectives": [0.06666666666666668], "ended": 1795915568.6170933}');
INSERT INTO "trial_user_attributes" VALUES(5,4,'started','1795915568.6236176');
INSERT INTO "trial_user_attributes" VALUES(6,1,'outcome','{"kind": "completed", "measurement": {"metrics": {"accuracy": 0.23333333333333334}, "seconds": 1.5, "steps": 10, "curve": [{"step": 5, "metrics": {"accuracy": 0.1}}]}, "reward": 0.23333333333333334, "objectives": [0.23333333333333334], "ended": 1795915568.633499}');
INSERT INTO "trial_user_attributes" VALUES(7,5,'started','1795915568.638093');
INSERT INTO "trial_user_attributes" VALUES(8,4,'outcome','{"kind": "completed", "measurement": {"metrics": {"accuracy": 0.2}, "seconds": 1.5, "steps": 10, "curve": [{"step": 5, "metrics": {"accuracy": 0.1}}]}, "reward": 0.2, "objectives": [0.2], "ended": 1795915568.649366}');
INSERT INTO "trial_user_attributes" VALUES(9,6,'started','1795915568.65456');
INSERT INTO "trial_user_attributes" VALUES(10,6,'outcome','{"kind": "completed", "measurement": {"metrics": {"accuracy": 0.3}, "seconds": 1.5, "steps": 10, "curve": [{"step": 5, "metrics": {"accuracy": 0.1}}]}, "reward": 0.3, "objectives": [0.3], "ended": 1795915568.6728866}');
INSERT INTO "trial_user_attributes" VALUES(11,7,'started','1795915568.6775966');
INSERT INTO "trial_user_attributes" VALUES(12,2,'outcome','{"kind": "completed", "measurement": {"metrics": {"accuracy": 0.13333333333333336}, "seconds": 1.5, "steps": 10, "curve": [{"step": 5, "metrics": {"accuracy": 0.1}}]}, "reward": 0.13333333333333336, "objectives": [0.13333333333333336], "ended": 1795915568.6882348}');
INSERT INTO "trial_user_attributes" VALUES(13,8,'started','1795915568.692398');
INSERT INTO "trial_user_attributes" VALUES(14,7,'outcome','{"kind": "failed", "error": "Traceback\nValueError: x\n", "ended": 1795915568.7025745}');
INSERT INTO "trial_user_attributes" VALUES(15,9,'started','1795915568.7064517');
INSERT INTO "trial_user_attributes" VALUES(16,9,'outcome','{"kind": "completed", "measurement": {"metrics": {"accuracy": 0.3666666666666667}, "seconds": 1.5, "steps": 10, "curve": [{"step": 5, "metrics": {"accuracy": 0.1}}]}, "reward": 0.3666666666666667, "objectives": [0.3666666666666667], "ended": 1795915568.71951}');
INSERT INTO "trial_user_attributes" VALUES(17,10,'started','1795915568.7238677');
INSERT INTO "trial_user_attributes" VALUES(18,5,'outcome','{"kind": "infeasible", "reason": "too large", "measurement": null, "ended": 1795915568.7364526}');
INSERT INTO "trial_user_attributes" VALUES(19,11,'started','1795915568.7402017');
INSERT INTO "trial_user_attributes" VALUES(20,10,'outcome','{"kind": "infeasible", "reason": "too large", "measurement": null, "ended": 1795915568.75465}');
INSERT INTO "trial_user_attributes" VALUES(21,12,'started','1795915568.758495');
INSERT INTO "trial_user_attributes" VALUES(22,12,'outcome','{"kind": "completed", "measurement": {"metrics": {"accuracy": 0.13333333333333336}, "seconds": 1.5, "steps": 10, "curve": [{"step": 5, "metrics": {"accuracy": 0.1}}]}, "reward": 0.13333333333333336, "objectives": [0.13333333333333336], "ended": 1795915568.7686648}');
INSERT INTO "trial_user_attributes" VALUES(23,13,'started','1795915568.7729754');
INSERT INTO "trial_user_attributes" VALUES(24,8,'outcome','{"kind": "completed", "measurement": {"metrics": {"accuracy": 0.2}, "seconds": 1.5, "steps": 10, "curve": [{"step": 5, "metrics": {"accuracy": 0.1}}]}, "reward": 0.2, "objectives": [0.2], "ended": 1795915568.7870886}');
INSERT INTO "trial_user_attributes" VALUES(25,14,'started','1795915568.7914934');
INSERT INTO "trial_user_attributes" VALUES(26,13,'outcome','{"kind": "completed", "measurement": {"metrics": {"accuracy": 0.4333333333333334}, "seconds": 1.5, "steps": 10, "curve": [{"step": 5, "metrics": {"accuracy": 0.1}}]}, "reward": 0.4333333333333334, "objectives": [0.4333333333333334], "ended": 1795915568.8034832}');
CREATE TABLE trial_values (
	trial_value_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	objective INTEGER NOT NULL, 
	value FLOAT, 
	value_type VARCHAR(7) NOT NULL, 
	PRIMARY KEY (trial_value_id), 
	UNIQUE (trial_id, objective), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_values" VALUES(1,3,0,6.66666666666666796192e-02,'FINITE');
INSERT INTO "trial_values" VALUES(2,1,0,2.33333333333333337034e-01,'FINITE');
INSERT INTO "trial_values" VALUES(3,4,0,0.2,'FINITE');
INSERT INTO "trial_values" VALUES(4,6,0,0.3,'FINITE');
INSERT INTO "trial_values" VALUES(5,2,0,1.33333333333333359238e-01,'FINITE');
INSERT INTO "trial_values" VALUES(6,9,0,3.66666666666666696272e-01,'FINITE');
INSERT INTO "trial_values" VALUES(7,12,0,1.33333333333333359238e-01,'FINITE');
INSERT INTO "trial_values" VALUES(8,8,0,0.2,'FINITE');
INSERT INTO "trial_values" VALUES(9,13,0,4.33333333333333403647e-01,'FINITE');
CREATE TABLE trials (
	trial_id INTEGER NOT NULL, 
	number INTEGER, 
	study_id INTEGER, 
	state VARCHAR(8) NOT NULL, 
	datetime_start DATETIME, 
	datetime_complete DATETIME, 
	PRIMARY KEY (trial_id), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "trials" VALUES(1,0,1,'COMPLETE','2026-11-29 01:26:08.567983','2026-11-29 01:26:08.636279');
INSERT INTO "trials" VALUES(2,1,1,'COMPLETE','2026-11-29 01:26:08.593357','2026-11-29 01:26:08.690688');
INSERT INTO "trials" VALUES(3,2,1,'COMPLETE','2026-11-29 01:26:08.604628','2026-11-29 01:26:08.620731');
INSERT INTO "trials" VALUES(4,3,1,'COMPLETE','2026-11-29 01:26:08.623630','2026-11-29 01:26:08.652435');
INSERT INTO "trials" VALUES(5,4,1,'FAIL','2026-11-29 01:26:08.638102','2026-11-29 01:26:08.738608');
INSERT INTO "trials" VALUES(6,5,1,'COMPLETE','2026-11-29 01:26:08.654571','2026-11-29 01:26:08.675724');
INSERT INTO "trials" VALUES(7,6,1,'FAIL','2026-11-29 01:26:08.677606','2026-11-29 01:26:08.704911');
INSERT INTO "trials" VALUES(8,7,1,'COMPLETE','2026-11-29 01:26:08.692411','2026-11-29 01:26:08.789656');
INSERT INTO "trials" VALUES(9,8,1,'COMPLETE','2026-11-29 01:26:08.706462','2026-11-29 01:26:08.721971');
INSERT INTO "trials" VALUES(10,9,1,'FAIL','2026-11-29 01:26:08.723875','2026-11-29 01:26:08.756997');
INSERT INTO "trials" VALUES(11,10,1,'RUNNING','2026-11-29 01:26:08.740210',NULL);
INSERT INTO "trials" VALUES(12,11,1,'COMPLETE','2026-11-29 01:26:08.758502','2026-11-29 01:26:08.771194');
INSERT INTO "trials" VALUES(13,12,1,'COMPLETE','2026-11-29 01:26:08.772985','2026-11-29 01:26:08.806245');
INSERT INTO "trials" VALUES(14,13,1,'RUNNING','2026-11-29 01:26:08.791503',NULL);
CREATE TABLE version_info (
	version_info_id INTEGER NOT NULL, 
	schema_version INTEGER, 
	library_version VARCHAR(256), 
	PRIMARY KEY (version_info_id), 
	CHECK (version_info_id=1)
);
INSERT INTO "version_info" VALUES(1,12,'5.0.0');
CREATE UNIQUE INDEX ix_studies_study_name ON studies (study_name);
CREATE INDEX ix_trials_study_id ON trials (study_id);
COMMIT;
