/** The vectors of what payloads, topics and names hold, in a module of their own so that it runs beside the others. */
import { testVectors } from "./support/vector_suite.ts";

testVectors("inspection");
