throw new Error("as it should be");
